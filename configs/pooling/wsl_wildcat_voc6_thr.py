# WILDCAT with a threshold per class on the probabilities: uses a checkpoint of wsl_wildcat_voc6.py.
_base_ = ['wsl_wildcat_voc6.py']
model = dict(
    inference=dict(
        postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_wildcat_thr.json')]
    )
)
