# For tools/generate_pseudo_labels.py: class activation maps of the network of wsl_gap_voc6.py and a random walk by the
# boundaries of IRN, which `python tools/train.py configs/affinity/psl_irn_voc6.py` trains. The exponent is that of
# IRN's code, chosen there with masks of VOC 2012; its background score of 0.25 is too low for these maps.
_base_ = ['../pooling/wsl_gap_voc6.py']
model = dict(
    inference=dict(
        image_labels=dict(type='mmwsl.KnownImageLabels'),
        class_maps=dict(type='mmwsl.ClassActivationMaps', normalization='max'),
        postprocessors=[
            dict(
                type='mmwsl.LearnedAffinityWalk',
                config='{{ fileDirname }}/psl_irn_voc6.py',
                checkpoint='{{$MMWSL_AFFINITY:work_dirs/psl_irn_voc6/epoch_6.pth}}',
                image_size=320,
                beta=10.0,
                flip=True,
                background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
                tuned_on='masks of VOC 2012 (IRN), masks of every fourth image of voc6 train (background, labels)',
            )
        ],
    )
)
