_base_ = ['wsl_mean_voc6.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
