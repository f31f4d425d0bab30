# The next round of pseudo-labels, for tools/generate_pseudo_labels.py --tta --low 0.25 --high 0.75: what DeepLab v3+
# learned from the round before, where the tags are believed. The CRF runs with a low and with a high background; a pixel
# on which the two disagree has a score near 0.5, undecided.
_base_ = ['psl_deeplabv3plus_voc6.py']
tuned_on = 'masks of every second image of voc6 train and every 28th of train_aug'
model = dict(
    type='mmwsl.PostprocessedEncoderDecoder',
    test_cfg=dict(
        use_image_labels=True,
        keep_foreground=True,  # a cow that the network took for a horse is an object still
        # every class has a place where it is most likely; the background is that of the thresholds below
        class_activation_maps=dict(normalization='max'),
    ),
    postprocessors=[
        dict(
            type='mmwsl.PostProcessorEnsemble',
            pipelines=[
                [
                    dict(type='mmwsl.ClassThresholds', thresholds=background, tuned_on=tuned_on),
                    dict(type='mmwsl.LogitSoftmax'),
                    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01, tuned_on=tuned_on),
                ]
                for background in (0.4, 0.65)
            ],
        ),
    ],
)
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    *_base_.test_pipeline[1:-1],
    dict(type='mmwsl.PackImageLabelInputs'),
]
tta_pipeline = test_pipeline[:2] + [
    dict(
        type='TestTimeAug',
        transforms=[  # small images show what is large as a whole, large ones what is small
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (320, 480, 640)],
            [dict(type='RandomFlip', prob=prob) for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs')],
        ],
    )
]
tta_model = dict(type='mmwsl.WeakSegTTAModel')
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
