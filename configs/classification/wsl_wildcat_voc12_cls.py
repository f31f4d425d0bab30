# WILDCAT, classification on VOC 2012 val. Published, over several scales, on a split that is not verified: mAP 93.4
# (WELDON 88.5).
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/voc12_classification.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
