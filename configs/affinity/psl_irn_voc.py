# IRN (Ahn et al., CVPR 2019) on pseudo-labels of VOC 2012: a frozen ResNet-50, boundaries and displacements. Constants
# of the authors' code: the widths of the head, radius 10 without the border, learning rate 0.1 for the boundary and 1
# for the displacement, weight decay 1e-4, batches of 32, 3 epochs, images at 0.5 to 1.5 times their size, crops of 512.
# Here the feature maps are those of the four stages; the authors also use the stem.
_base_ = ['psl_psa_voc.py']
crop_size = (512, 512)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2), frozen_stages=4),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.InterPixelRelationHead',
        in_channels=(256, 512, 1024, 2048),
        in_index=(0, 1, 2, 3),
        displacement_channels=(128, 256, 256, 256),
        radius=10,
        margin=9,
        num_classes=21,
    ),
)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    optimizer=dict(lr=0.1, weight_decay=1e-4),
    paramwise_cfg=dict(_delete_=True, custom_keys={'decode_head.displacement': dict(lr_mult=10.0)}),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=992)]
train_cfg = dict(max_iters=992, val_interval=992)  # 3 epochs of 10 582 images
default_hooks = dict(checkpoint=dict(interval=992))
custom_hooks = [*_base_.custom_hooks, dict(type='mmwsl.MeanDisplacementHook')]
