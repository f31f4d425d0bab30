# The round after psl_deeplabv3plus_voc6_pseudo.py, for tools/generate_pseudo_labels.py --tta --low 0.25 --high 0.75:
# what the CRF makes foreground by a low background and background by a high one stays undecided.
_base_ = ['psl_deeplabv3plus_voc6_pseudo.py']
tuned_on = 'masks of every fourth picture of voc6 train'
crf = [
    dict(type='mmwsl.NormalizeOdds'),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01),
]
model = dict(
    # A cow that the network took for a horse is an object still.
    test_cfg=dict(keep_objects=True, activation_maps=dict(_delete_=True)),
    postprocessors=[
        dict(
            type='mmwsl.AverageOfChains',
            chains=[
                [dict(type='mmwsl.ClassThresholds', thresholds=0.3, tuned_on=tuned_on)] + crf,
                [dict(type='mmwsl.ClassThresholds', thresholds=0.52, tuned_on=tuned_on)] + crf,
            ]),
    ])
# Networks before this one learnt that objects are seldom at the border of a picture: mirrored there, they are whole.
mirrored = [[dict(type='Resize', scale=(side, side), keep_ratio=True), dict(type='mmwsl.MirrorBorder', fraction=0.3)]
            for side in (160, 240)]
meta_keys = ('img_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor', 'img_padding_size')
tta_pipeline = _base_.test_pipeline[:2] + [
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (240, 320, 480)] +
            [dict(type='RandomApply', transforms=view, prob=1.) for view in mirrored],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs', background='unknown', meta_keys=meta_keys)],
        ])
]
