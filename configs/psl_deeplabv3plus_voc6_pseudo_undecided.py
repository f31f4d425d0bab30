# The round after psl_deeplabv3plus_voc6_pseudo.py, for tools/generate_pseudo_labels.py --tta --low 0.25 --high 0.75:
# the CRF runs with a low and with a high background; a pixel on which the two disagree has a score near 0.5, undecided.
_base_ = ['psl_deeplabv3plus_voc6_pseudo.py']
tuned_on = 'masks of every second picture of voc6 train'
crf = [
    dict(type='mmwsl.NormalizeOdds'),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01, tuned_on=tuned_on),
]
model = dict(
    test_cfg=dict(
        keep_objects=True,  # a cow that the network took for a horse is an object still
        activation_maps=dict(_delete_=True, normalization='max')),  # their background is that of the thresholds below
    postprocessors=[
        dict(
            type='mmwsl.AverageOfChains',
            chains=[[dict(type='mmwsl.ClassThresholds', thresholds=background, tuned_on=tuned_on)] + crf
                    for background in (0.3, 0.52)]),
    ])
# The network has learnt that objects are seldom at the border of a picture. With the border mirrored, an object that it
# cuts off looks whole.
mirrored = [[dict(type='Resize', scale=(side, side), keep_ratio=True), dict(type='mmwsl.MirrorBorder', fraction=0.3)]
            for side in (160, 240)]
tta_pipeline = _base_.test_pipeline[:2] + [
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (240, 320, 480)] +
            [dict(type='Compose', transforms=view) for view in mirrored],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs', background='unknown')],
        ])
]
