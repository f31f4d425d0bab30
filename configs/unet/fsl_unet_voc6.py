# A U-Net of a quarter of the width, from scratch, on images of 224 pixels: see fsl_unet_voc.py. Six epochs of 3131
# images without pretraining do not suffice: a check of the network, not a competitor.
_base_ = [
    '../_base_/models/unet.py',
    '../_base_/datasets/voc6_masks.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
scale = (224, 224)
model = dict(
    data_preprocessor=dict(size=scale),
    backbone=dict(base_channels=16),
    decode_head=dict(in_channels=16, channels=16, num_classes=7),
)
resize = [dict(type='Resize', scale=scale, keep_ratio=True)]
flip = [dict(type='RandomFlip', prob=0.5)]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline[:2] + resize + flip + _base_.train_pipeline[3:]))
test_pipeline = _base_.test_pipeline[:2] + resize + _base_.test_pipeline[3:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
sides = [[dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (160, 192, 224)]]
views = dict(type='TestTimeAug', transforms=sides + _base_.tta_pipeline[-1].transforms[1:])
tta_pipeline = [*_base_.tta_pipeline[:-1], views]
tta_model = dict(type='SegTTAModel')
