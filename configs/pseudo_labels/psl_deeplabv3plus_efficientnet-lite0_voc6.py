# psl_deeplabv3plus_voc6.py with a frozen EfficientNet-Lite0.
_base_ = ['../deeplab/fsl_deeplabv3plus_efficientnet-lite0_voc6.py', '../_base_/datasets/voc6_pseudo.py']
train_dataloader = dict(dataset=dict(dataset=_base_.pseudo_labels))
