# A threshold per class on the scores as they are: the row that the priors are compared with.
_base_ = ['wsl_lse_voc6.py']
model = dict(postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds=0.5)])
