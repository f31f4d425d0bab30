# WILDCAT, VOC 2012 Action. Published, over several scales: mAP 86.0 (WELDON 75.0), the split and crop are not verified.
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/voc12_action.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=11))
