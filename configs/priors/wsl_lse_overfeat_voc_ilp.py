# Pinheiro & Collobert (CVPR 2015), Table 4, base + ILP. Published, VOC 2012 val: mIoU 32.6.
_base_ = ['../lse/wsl_lse_overfeat_voc.py']
model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]))
