# DeepLab v3+ on pseudo-labels of voc6; its fully supervised counterpart is fsl_deeplabv3plus_voc6.py.
_base_ = ['../deeplab/fsl_deeplabv3plus_voc6.py', '../_base_/datasets/voc6_pseudo.py']
train_dataloader = dict(dataset=dict(dataset=_base_.pseudo_labels))
