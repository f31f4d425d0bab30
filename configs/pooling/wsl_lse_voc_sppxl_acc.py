# Table 2 of Pinheiro & Collobert (CVPR 2015): average per-class accuracy with the image-level prior and a vote over
# superpixels, of a checkpoint of wsl_lse_voc.py. Whether background is one of the classes is not printed: mAcc has it,
# mAcc_foreground does not. Published, VOC 2008, 2009, 2010, split not stated: 56.3, 57.0, 56.1. The paper trains on
# ImageNet; train_aug has images of these years. The year, whose val.txt is read, is selected by
# `--cfg-options test_dataloader.dataset.data_root=data/VOCdevkit/VOC2010`.
_base_ = ['../priors/wsl_lse_voc_sppxl.py']
val_evaluator = [dict(type='mmwsl.ClassAccuracyMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
