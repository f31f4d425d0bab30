# DeepLab v3+ (Chen et al., ECCV 2018) on voc6, fully supervised.
_base_ = [
    '_base_/models/deeplabv3plus_mobilenet-v2.py', '_base_/datasets/voc6_masks.py', '_base_/schedules/adamw_4e.py',
    '_base_/default_runtime.py'
]
tta_model = dict(type='SegTTAModel')
