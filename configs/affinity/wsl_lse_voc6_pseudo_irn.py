# For tools/generate_pseudo_labels.py --bg-threshold 0.3 --fg-threshold 0.7: the labels of round 1, whose scores walk by
# the boundaries of IRN, those of the background too. `python tools/train.py configs/affinity/psl_irn_voc6.py` trains
# IRN on the same labels. Exponent and steps are those of IRN's code; no background score has to be chosen.
_base_ = ['../priors/wsl_lse_voc6_seg.py', '../_base_/postprocessing/voc6_pseudo_labels.py']
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.voc6_pseudo_labels,
            dict(
                type='mmwsl.LearnedAffinityWalk',
                config='{{ fileDirname }}/psl_irn_voc6.py',
                checkpoint='{{$MMWSL_AFFINITY:work_dirs/psl_irn_voc6/epoch_6.pth}}',
                image_size=320,
                beta=10.0,
                flip=True,
                tuned_on='masks of VOC 2012 (IRN), masks of every fourth image of voc6 train (labels of round 1)',
            ),
        ]
    )
)
