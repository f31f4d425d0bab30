_base_ = ['wsl_lse_voc.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
