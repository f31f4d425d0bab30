# Level 1 of ProNet (Sun et al., CVPR 2016): a fully convolutional ResNet-50 at four scales with shared weights, and
# Log-Sum-Exp over the locations of all scales, trained on image-level labels. The number of scales, r and the network
# are our choices: they are not verified in the paper.
_base_ = ['lse_resnet50.py']
model = dict(
    type='mmwsl.ProposalNetwork',
    backbone=dict(
        _delete_=True,
        type='mmwsl.ScalePyramid',
        scales=(0.5, 0.75, 1.0, 1.5),
        backbone=_base_.model.backbone,
    ),
    decode_head=dict(type='mmwsl.PyramidAggregationHead'),
)
