# psl_irn_voc6.py with a frozen EfficientNet-Lite2.
_base_ = ['psl_irn_voc6.py', '../_base_/backbones/efficientnet-lite2.py']
model = dict(
    data_preprocessor=_base_.colors,
    backbone=dict(backbone=_base_.efficientnet),
    decode_head=dict(in_channels=(24, 48, 120, 352)),
)
