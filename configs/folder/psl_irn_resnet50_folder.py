# Boundaries of your own pseudo-labels by IRN on a frozen ResNet-50.
_base_ = [
    '../_base_/models/deeplabv3_resnet101.py',
    '../_base_/models/boundary_head.py',
    '../_base_/datasets/folder_pseudo.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size={{_base_.crop_size}}),
    backbone=dict(
        depth=50,
        strides=(1, 2, 2, 1),  # of stride 4, 8, 16 and 16
        dilations=(1, 1, 1, 2),
        frozen_stages=4,
        init_cfg=dict(checkpoint='open-mmlab://resnet50_v1c'),
    ),
    decode_head=dict(_base_.boundaries, in_channels=(256, 512, 1024, 2048)),
)
val_cfg = None
