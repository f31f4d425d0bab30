# For tools/generate_pseudo_labels.py: class activation maps of the network of wsl_gap_voc.py and a random walk by the
# boundaries of IRN, which `python tools/train.py configs/affinity/psl_irn_voc.py` trains. The exponent and the
# background score are those of IRN's code, chosen there with masks of VOC 2012. See wsl_gap_voc_psa.py.
_base_ = ['../pooling/wsl_gap_voc.py']
model = dict(
    inference=dict(
        image_labels=dict(type='mmwsl.KnownImageLabels'),
        class_maps=dict(type='mmwsl.ClassActivationMaps', normalization='max'),
        postprocessors=[
            dict(
                type='mmwsl.LearnedAffinityWalk',
                config='{{ fileDirname }}/psl_irn_voc.py',
                checkpoint='{{$MMWSL_AFFINITY:work_dirs/psl_irn_voc/iter_992.pth}}',
                beta=10.0,
                flip=True,
                background=dict(type='mmwsl.ConstantBackground', threshold=0.25),
                tuned_on='masks of VOC 2012 (IRN), masks of every fourth image of voc6 train (labels of round 1)',
            )
        ],
    )
)
