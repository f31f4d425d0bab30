# Level 1 of ProNet (Sun et al., CVPR 2016) for two CPU cores: the frozen MobileNetV2 at three scales, and Log-Sum-Exp
# over the locations of all scales. See wsl_pronet_voc_level1.py.
_base_ = [
    '../_base_/models/lse_mobilenet-v2.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='mmwsl.ProposalNetwork',
    backbone=dict(
        backbone=dict(
            _delete_=True,
            type='mmwsl.ScalePyramid',
            scales=(0.5, 0.75, 1.0),
            backbone=_base_.model.backbone.backbone,
        )
    ),
    decode_head=dict(type='mmwsl.PyramidAggregationHead', aggregator=dict(r=5.0)),
)
