# The round after psl_deeplabv3plus_voc6_pseudo_undecided.py, for --tta --low 0.25 --high 0.75 too. Its network sees
# objects at the border: no mirrored border but mirrored pictures. The two backgrounds lie further apart.
_base_ = ['psl_deeplabv3plus_voc6_pseudo_undecided.py']
model = dict(
    postprocessors=[
        dict(
            type='mmwsl.AverageOfChains',
            chains=[[dict(type='mmwsl.ClassThresholds', thresholds=background, tuned_on=_base_.tuned_on)] + _base_.crf
                    for background in (0.3, 0.65)]),
    ])
tta_pipeline = _base_.tta_pipeline[:2] + [
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (240, 320, 480)],
            [dict(type='RandomFlip', prob=prob) for prob in (0., 1.)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs', background='unknown')],
        ])
]
