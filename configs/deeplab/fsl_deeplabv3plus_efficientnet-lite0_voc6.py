# fsl_deeplabv3plus_voc6.py with a frozen EfficientNet-Lite0.
_base_ = ['fsl_deeplabv3plus_voc6.py', '../_base_/backbones/efficientnet-lite0.py']
model = _base_.segmentor
