_base_ = ['wsl_gmp_voc6.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
