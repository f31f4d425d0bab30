# DeepLab v3+ (Chen et al., ECCV 2018) on voc6, fully supervised.
_base_ = [
    '_base_/models/deeplabv3plus_mobilenet-v2.py', '_base_/datasets/voc6_masks.py', '_base_/schedules/adamw_6e.py',
    '_base_/default_runtime.py'
]
optim_wrapper = dict(optimizer=dict(lr=5e-3))  # with 1e-3 cow and sheep were still taken for horse after 6 epochs
tta_model = dict(type='SegTTAModel')
