# For tools/generate_pseudo_labels.py --bg-threshold 0.25 --fg-threshold 0.75: the scores of the labels of round 1, then
# a random walk by the boundaries of IRN, which `python tools/train.py configs/affinity/psl_irn_voc6.py` trains on these
# labels, and a CRF. Walk and CRF run with a low and with a high background score; a pixel on which the two disagree has
# a score near 0.5 and is ignored.
_base_ = ['../priors/wsl_lse_voc6_seg.py', '../_base_/postprocessing/voc6_pseudo_labels.py']
tuned_on = 'masks of every fourth image of voc6 train'
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.voc6_pseudo_labels,
            dict(
                type='mmwsl.PostProcessorEnsemble',
                pipelines=[
                    [
                        dict(
                            type='mmwsl.LearnedAffinityWalk',
                            config='{{ fileDirname }}/psl_irn_voc6.py',
                            checkpoint='{{$MMWSL_AFFINITY:work_dirs/psl_irn_voc6/epoch_6.pth}}',
                            image_size=320,
                            beta=10.0,
                            flip=True,
                            background=dict(type='mmwsl.ConstantBackground', threshold=background),
                            tuned_on=f'masks of VOC 2012 (IRN), {tuned_on} (background, labels)',
                        ),
                        dict(type='mmwsl.LogitSoftmax'),
                        dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01, tuned_on=tuned_on),
                    ]
                    for background in (0.4, 0.6)
                ],
            ),
        ],
    )
)
