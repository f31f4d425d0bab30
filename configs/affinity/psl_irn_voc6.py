# IRN (Ahn et al., CVPR 2019) on pseudo-labels of voc6, with a light frozen backbone: boundaries and displacements. See
# psl_psa_voc6.py. The radius is 5 locations of 4 pixels; the authors train with 10.
_base_ = ['psl_psa_voc6.py']
model = dict(
    backbone=dict(backbone=dict(out_indices=(1, 2, 4, 6))),  # of stride 4, 8, 16 and 16
    decode_head=dict(
        _delete_=True,
        type='mmwsl.InterPixelRelationHead',
        in_channels=(24, 32, 96, 320),
        in_index=(0, 1, 2, 3),
        edge_channels=32,
        displacement_channels=(32, 64, 64, 64),
        fused_channels=64,
        radius=5,
        num_classes=7,
    ),
)
# The ratio of the authors' learning rates of displacement and boundary.
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'decode_head.displacement': dict(lr_mult=10.0)}))
custom_hooks = [*_base_.custom_hooks, dict(type='mmwsl.MeanDisplacementHook')]
