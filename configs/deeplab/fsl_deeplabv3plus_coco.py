# DeepLab v3+ of mmseg on COCO 2017, 80 classes and background, as long as wsl_lse_coco.py.
_base_ = [
    '../_base_/models/deeplabv3_resnet101.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(type='DepthwiseSeparableASPPHead', c1_in_channels=256, c1_channels=48, num_classes=81),
)
tta_model = dict(type='SegTTAModel')
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=80000)]
train_cfg = dict(max_iters=80000, val_interval=8000)
