# psl_irn_voc6.py with a frozen EfficientNet-Lite2.
_base_ = ['psl_irn_voc6.py', '../_base_/backbones/efficientnet-lite2.py']
model = _base_.affinity
