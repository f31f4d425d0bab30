_base_ = ['wsl_gap_voc6.py']
model = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
