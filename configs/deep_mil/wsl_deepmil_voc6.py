# Deep MIL for two CPU cores: see wsl_deepmil_voc.py. The frozen MobileNetV2 of wsl_gmp_voc6.py at stride 32, as in the
# paper, one adaptation layer of 512 channels, images of 320 pixels, the size of the training images of voc6.
_base_ = ['../lse/wsl_lse_voc6.py']
crop_size = (320, 320)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(backbone=dict(output_stride=32)),
    decode_head=dict(
        dropout_ratio=0.5,
        aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling'),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss', loss_weight=6.0),
    ),
    inference=dict(scorer=dict(type='mmwsl.MultiScaleScorer', scales=(0.7, 1.0, 1.4, 2.0), merge='max')),
)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.7, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
