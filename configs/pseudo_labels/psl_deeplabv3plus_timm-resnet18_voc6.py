# psl_deeplabv3plus_voc6.py with a frozen ResNet-18 of timm.
_base_ = ['../deeplab/fsl_deeplabv3plus_timm-resnet18_voc6.py', '../_base_/datasets/voc6_pseudo.py']
train_dataloader = dict(dataset=dict(dataset=_base_.pseudo_labels))
