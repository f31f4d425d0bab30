# For tools/generate_pseudo_labels.py: class activation maps of the network of wsl_gap_voc6.py and a random walk by the
# affinities of PSA, which `python tools/train.py configs/affinity/psl_psa_voc6.py` trains. The exponents of the
# background and of the affinity are those of PSA's code, chosen there with masks of VOC 2012. PSA's 256 steps spread
# the scores of an image of 320 pixels too far: here there are 64, as in SEAM. The image-level labels restrict the maps:
# a test with this config is no prediction from the image alone, and its results report so.
_base_ = ['../pooling/wsl_gap_voc6.py']
model = dict(
    inference=dict(
        image_labels=dict(type='mmwsl.KnownImageLabels'),
        class_maps=dict(
            type='mmwsl.ClassActivationMaps',
            normalization='max',
            background=dict(type='mmwsl.PowerBackground', alpha=16.0),
        ),
        postprocessors=[
            dict(
                type='mmwsl.LearnedAffinityWalk',
                config='{{ fileDirname }}/psl_psa_voc6.py',
                checkpoint='{{$MMWSL_AFFINITY:work_dirs/psl_psa_voc6/epoch_6.pth}}',
                log_steps=6,
                image_size=320,
                tuned_on='masks of VOC 2012 (PSA), masks of every fourth image of voc6 train (steps, labels)',
            )
        ],
    )
)
