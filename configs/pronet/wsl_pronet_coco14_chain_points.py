# Both levels of ProNet, points on COCO 2014: see wsl_pronet_voc_chain.py. Published: point mAP 46.4,
# classification mAP 70.9. Train level 1 first:
# python tools/train.py configs/pronet/wsl_pronet_coco14_level1_points.py
_base_ = [
    '../_base_/models/pronet_chain.py',
    '../_base_/datasets/coco14_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
load_from = 'work_dirs/wsl_pronet_coco14_level1_points/iter_80000.pth'
model = dict(decode_head=dict(num_classes=81), box_head=dict(num_classes=81))
optim_wrapper = dict(
    optimizer=dict(lr=0.001), paramwise_cfg=dict(_delete_=True, custom_keys=dict(box_heads=dict(lr_mult=10)))
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=80000)]
train_cfg = dict(max_iters=80000, val_interval=8000)
