_base_ = ['wsl_lse_voc6.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
