# Boundaries of your own pseudo-labels by IRN on a frozen EfficientNet-Lite0.
_base_ = ['psl_deeplabv3plus_efficientnet-lite0_folder.py', '../_base_/models/boundary_head.py']
model = dict(
    backbone=dict(out_indices=(1, 2, 4, 6)),  # of stride 4, 8, 16 and 16
    decode_head=dict(_base_.boundaries, in_channels=(24, 40, 112, 320)),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
