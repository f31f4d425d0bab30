# Beam search on the features of a classifier (Bency et al., ECCV 2016) for the point of each class: uses a checkpoint
# of wsl_gap_voc.py. Published, VOC 2012 val: point mAP 79.7, classification mAP 86.5; COCO: point mAP 49.2. The paper:
# VGG-16 with fully connected layers. How a step cuts boxes, 3 boxes and 8 steps are not verified there.
_base_ = ['../pooling/wsl_gap_voc.py']
model = dict(inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes', width=3, levels=8)))
val_evaluator = [dict(type='mmwsl.ImageLabelMetric'), dict(type='mmwsl.PointLocalizationMetric')]
test_evaluator = val_evaluator
