# Boundaries of your own pseudo-labels by IRN on a frozen MobileNetV2.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/models/boundary_head.py',
    '../_base_/datasets/folder_pseudo.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(out_indices=(1, 2, 4, 6)),  # of stride 4, 8, 16 and 16
    decode_head=dict(_base_.boundaries, in_channels=(24, 32, 96, 320)),
)
val_cfg = None
