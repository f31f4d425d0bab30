_base_ = ['wsl_lse_shapes.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
