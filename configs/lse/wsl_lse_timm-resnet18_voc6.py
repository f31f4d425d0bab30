_base_ = ['wsl_lse_voc6.py', '../_base_/backbones/timm-resnet18.py']
model = _base_.classifier
