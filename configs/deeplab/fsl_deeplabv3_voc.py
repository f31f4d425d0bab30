# DeepLab v3 (Chen et al., 2017) of mmseg. Published, VOC 2012 test: 85.7, with COCO and several scales (not verified).
_base_ = [
    '../_base_/models/deeplabv3_resnet101.py',
    '../_base_/datasets/voc_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
tta_model = dict(type='SegTTAModel')
