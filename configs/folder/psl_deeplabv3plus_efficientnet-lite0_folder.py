# DeepLab v3+ on a frozen EfficientNet-Lite0, trained on the pseudo-labels of your own images on a CPU.
_base_ = ['psl_deeplabv3plus_mobilenet-v2_folder.py', '../_base_/backbones/efficientnet-lite0.py']
model = dict(_base_.segmentor, auxiliary_head=dict(in_channels=320))
