# Class activation maps (Zhou et al., CVPR 2016) of the network of wsl_gap_voc.py; --tta uses four scales and flips as
# in IRN (Ahn et al., CVPR 2019).
_base_ = ['../pooling/wsl_gap_voc.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps',
            normalization='max',
            background=dict(type='mmwsl.ConstantBackground', threshold=0.3),
        ),
        # Every class reaches 1 somewhere: the prior decides which classes are present.
        postprocessors=[dict(type='mmwsl.ImageLevelPrior')],
    )
)
views = [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (224, 448, 672, 896)]
tta_pipeline = _base_.tta_pipeline[:-1] + [
    dict(type='TestTimeAug', transforms=[views] + _base_.tta_pipeline[-1].transforms[1:])
]
