_base_ = ['wsl_lse_shapes.py']
model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
