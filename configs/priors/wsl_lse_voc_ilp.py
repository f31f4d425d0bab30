_base_ = ['../wsl_lse_voc.py']
model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
