# Class activation maps (Zhou et al., CVPR 2016) of the network of wsl_gap_voc6.py; --tta uses two scales and flips.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')),
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps',
            normalization='max',
            background=dict(type='mmwsl.ConstantBackground', threshold=0.3),
        ),
        # Every class reaches 1 somewhere: the prior decides which classes are present.
        postprocessors=[dict(type='mmwsl.ImageLevelPrior')],
    ),
)
views = [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (224, 448)]
tta_pipeline = _base_.tta_pipeline[:-1] + [
    dict(type='TestTimeAug', transforms=[views] + _base_.tta_pipeline[-1].transforms[1:])
]
val_evaluator = (
    _base_.val_evaluator[:2]
    + [dict(type='mmwsl.ThresholdIoUMetric', thresholds=[i / 20 for i in range(1, 20)])]
    + _base_.val_evaluator[3:]
)
test_evaluator = val_evaluator
