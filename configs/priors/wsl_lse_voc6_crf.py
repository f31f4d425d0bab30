# The image-level prior, then the fully connected CRF.
_base_ = ['../lse/wsl_lse_voc6.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_ilp.json'),
            *_base_.crf,
        ]
    )
)
