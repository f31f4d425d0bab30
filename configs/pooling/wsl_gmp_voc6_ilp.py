_base_ = ['wsl_gmp_voc6.py']
model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
