_base_ = ['wsl_lse_voc6.py', '../_base_/backbones/efficientnet-lite0.py']
model = _base_.classifier
