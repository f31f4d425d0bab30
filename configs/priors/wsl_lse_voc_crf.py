# The image-level prior, then the fully connected CRF.
_base_ = ['../wsl_lse_voc.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ClassThresholds', thresholds=0.5),
            *_base_.crf,
        ]
    )
)
