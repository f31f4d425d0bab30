# Boundaries of your own pseudo-labels by IRN on a frozen EfficientNet-Lite2.
_base_ = ['psl_irn_mobilenet-v2_folder.py', '../_base_/backbones/efficientnet-lite2.py']
boundaries = dict(in_channels=_base_.stages)
model = dict(data_preprocessor=_base_.colors, backbone=_base_.efficientnet, decode_head=boundaries)
