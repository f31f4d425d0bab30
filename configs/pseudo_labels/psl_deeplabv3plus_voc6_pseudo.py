# The next self-training round, for tools/generate_pseudo_labels.py --tta --bg-threshold 0.25 --fg-threshold 0.75:
# DeepLab v3+, trained on the pseudo-labels of the previous round, predicts with the image-level labels. The CRF runs
# with a low and with a high background score; a pixel on which the two disagree has a score near 0.5 and is ignored.
_base_ = ['psl_deeplabv3plus_voc6.py']
tuned_on = 'masks of every second image of voc6 train and every 28th of train_aug'
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    inference=dict(
        # A cow that the network takes for a horse stays foreground.
        image_labels=dict(type='mmwsl.KnownImageLabels', keep_foreground=True),
        # Every class reaches 1 somewhere; the background is that of the thresholds below.
        class_maps=dict(type='mmwsl.ClassActivationMaps', normalization='max'),
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
            )
        ],
    ),
)
test_pipeline = [*_base_.test_pipeline[:-1], dict(type='mmwsl.PackImageLabelInputs')]
tta_pipeline = test_pipeline[:2] + [
    dict(
        type='TestTimeAug',
        transforms=[  # small images for large objects, large images for small objects
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
