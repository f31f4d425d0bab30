# DeepLab v3+ on pseudo-labels of VOC 2012; its fully supervised counterpart is fsl_deeplabv3plus_voc.py.
_base_ = ['../deeplab/fsl_deeplabv3plus_voc.py', '../_base_/datasets/voc_pseudo.py']
train_dataloader = dict(dataset=_base_.pseudo_labels)
