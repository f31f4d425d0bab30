# IRN (Ahn et al., CVPR 2019) without displacements: boundaries of the pseudo-labels, on feature maps of stride 4 to 16.
# A config sets `decode_head=dict(_base_.boundaries, in_channels=...)`.
boundaries = dict(
    _delete_=True,
    type='mmwsl.InterPixelRelationHead',
    in_index=(0, 1, 2, 3),
    edge_channels=32,
    displacement_channels=(),
    radius=5,
    num_classes=3,
)
# The random walk up to them, with the exponent and the steps of IRN's code; `mmwsl run` adds config and checkpoint.
walk = dict(type='mmwsl.LearnedAffinityWalk', beta=10.0, flip=True)
