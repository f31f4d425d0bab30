# The image-level prior, then the fully connected CRF.
_base_ = ['../lse/wsl_lse_voc6.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(
                type='mmwsl.ClassThresholds',
                thresholds=(0.622, 0.5, 0.731, 0.269, 0.953, 0.622),
                tuned_on='masks of voc6 train',
            ),
            *_base_.crf,
        ]
    )
)
