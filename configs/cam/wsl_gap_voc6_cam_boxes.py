# Boxes from class activation maps (Zhou et al., CVPR 2016) of the network of wsl_gap_voc6.py: the largest component
# above 20% of the maximum, and its tight box. Published on ImageNet: top-5 localization error 43.0 (GoogLeNet), 45.1
# (VGG); MaxBoxAccV2, mean of three networks, ImageNet 62.4 (Choe et al., CVPR 2020; not verified).
_base_ = ['../pooling/wsl_gap_voc6.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps',
            normalization='max',
            background=dict(type='mmwsl.ConstantBackground', threshold=0.2),
        )
    )
)
val_evaluator = _base_.val_evaluator[:2] + [
    dict(type='mmwsl.PointLocalizationMetric', min_area=0.001),
    dict(type='mmwsl.BoxLocalizationMetric', min_area=0.001),
]
test_evaluator = val_evaluator
