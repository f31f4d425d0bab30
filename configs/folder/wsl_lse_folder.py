_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/folder.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=3))  # background included
