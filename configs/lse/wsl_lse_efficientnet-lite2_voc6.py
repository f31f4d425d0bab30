_base_ = ['wsl_lse_voc6.py', '../_base_/backbones/efficientnet-lite2.py']
model = _base_.classifier
