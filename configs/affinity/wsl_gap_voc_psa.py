# For tools/generate_pseudo_labels.py: class activation maps of the network of wsl_gap_voc.py and a random walk by the
# affinities of PSA, which `python tools/train.py configs/affinity/psl_psa_voc.py` trains. The exponents of the
# background and of the affinity are those of PSA's code, chosen there with masks of VOC 2012. The image-level labels
# restrict the maps: a test with this config is no prediction from the image alone, and its results report so.
_base_ = ['../pooling/wsl_gap_voc.py']
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
                config='{{ fileDirname }}/psl_psa_voc.py',
                checkpoint='{{$MMWSL_AFFINITY:work_dirs/psl_psa_voc/iter_10582.pth}}',
                tuned_on='masks of VOC 2012 (PSA), masks of every fourth image of voc6 train (labels of round 1)',
            )
        ],
    )
)
