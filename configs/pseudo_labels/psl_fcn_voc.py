# FCN on pseudo-labels of VOC 2012; its fully supervised counterpart is fsl_fcn_voc.py.
_base_ = ['../fcn/fsl_fcn_voc.py', '../_base_/datasets/voc_pseudo.py']
train_dataloader = dict(dataset=_base_.pseudo_labels)
