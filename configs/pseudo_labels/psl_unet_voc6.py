# U-Net on pseudo-labels of voc6; its fully supervised counterpart is fsl_unet_voc6.py.
_base_ = ['../unet/fsl_unet_voc6.py', '../_base_/datasets/voc6_pseudo.py']
train_dataloader = dict(dataset=_base_.pseudo_labels)
