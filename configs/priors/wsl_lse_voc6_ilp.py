# The image-level prior, then a threshold per class.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_ilp.json'),
        ]
    )
)
