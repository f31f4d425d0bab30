# A segmentor that was trained on pseudo-labels labels the same images again, for the next self-training round.
self_training = dict(
    type='mmwsl.WeakEncoderDecoder',
    inference=dict(
        # A cow that the network takes for a horse stays foreground.
        image_labels=dict(type='mmwsl.KnownImageLabels', keep_foreground=True),
        # A network that is trained on pseudo-labels is underconfident: here, the maximum of every labeled class is 1.
        class_maps=dict(type='mmwsl.ClassActivationMaps', normalization='max'),
        postprocessors=[],  # the image-level labels are known: no prior
    ),
)
# Post-processors of the stored scores after the thresholds, which `mmwsl run` chooses. The network was trained on whole
# objects, so that objectness is not needed.
refinement = [
    dict(type='mmwsl.LogitSoftmax'),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01),
]
pack = dict(type='mmwsl.PackImageLabelInputs')
# Small images for large objects, large images for small objects.
label_views = dict(
    type='TestTimeAug',
    transforms=[
        [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (320, 480, 640)],
        [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
        [pack],
    ],
)
