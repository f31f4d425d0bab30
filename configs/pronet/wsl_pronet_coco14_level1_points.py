# Level 1 of ProNet, points on COCO 2014: see wsl_pronet_voc_level1.py.
_base_ = [
    '../_base_/models/pronet_level1.py',
    '../_base_/datasets/coco14_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=81))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=80000)]
train_cfg = dict(max_iters=80000, val_interval=8000)
