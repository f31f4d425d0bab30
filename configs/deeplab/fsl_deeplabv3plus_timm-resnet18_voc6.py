# fsl_deeplabv3plus_voc6.py with a frozen ResNet-18 of timm.
_base_ = ['fsl_deeplabv3plus_voc6.py', '../_base_/backbones/timm-resnet18.py']
model = _base_.segmentor
