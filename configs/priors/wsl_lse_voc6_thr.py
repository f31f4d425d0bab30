# A threshold per class on the probabilities: the reference of the priors.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    inference=dict(postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_thr.json')])
)
