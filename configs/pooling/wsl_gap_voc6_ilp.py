_base_ = ['wsl_gap_voc6.py']
model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
