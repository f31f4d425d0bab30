_base_ = ['wsl_max_voc6.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
