# Boundaries of your own pseudo-labels by IRN on a frozen ResNet-50.
_base_ = ['psl_deeplabv3plus_resnet50_folder.py', '../_base_/models/boundary_head.py']
model = dict(
    backbone=dict(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2), frozen_stages=4),  # of stride 4, 8, 16 and 16
    decode_head=dict(_base_.boundaries, in_channels=(256, 512, 1024, 2048)),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
