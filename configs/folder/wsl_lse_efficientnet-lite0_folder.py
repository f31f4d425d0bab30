# Your own images on a CPU: a frozen EfficientNet-Lite0 whose features are computed once for each image and its mirror
# image.
_base_ = ['wsl_lse_mobilenet-v2_folder.py', '../_base_/backbones/efficientnet-lite0.py']
model = _base_.classifier
