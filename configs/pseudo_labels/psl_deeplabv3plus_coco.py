# DeepLab v3+ on pseudo-labels of COCO 2017; its fully supervised counterpart is fsl_deeplabv3plus_coco.py.
_base_ = ['../deeplab/fsl_deeplabv3plus_coco.py', '../_base_/datasets/coco_pseudo.py']
train_dataloader = dict(dataset=_base_.pseudo_labels)
