# FCN on pseudo-labels of voc6; its fully supervised counterpart is fsl_fcn_voc6.py.
_base_ = ['../fcn/fsl_fcn_voc6.py', '../_base_/datasets/voc6_pseudo.py']
train_dataloader = dict(dataset=_base_.pseudo_labels)
