# WILDCAT, classification on VOC 2007. Published, over several scales: mAP 95.0 (WELDON 90.2, SPLeaP 88.0).
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/voc07_classification.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
