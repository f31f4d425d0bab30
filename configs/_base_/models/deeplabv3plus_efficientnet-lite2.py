# DeepLab v3+ on a frozen EfficientNet-Lite2 at stride 16, with the feature maps of stride 8 and 16.
_base_ = ['deeplabv3plus_mobilenet-v2.py', '../backbones/efficientnet-lite2.py']
model = _base_.segmentor
