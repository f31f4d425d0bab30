# Both levels of ProNet, points on VOC 2012: see wsl_pronet_voc_chain.py. Published: point mAP 77.7,
# classification mAP 89.3. Train level 1 first:
# python tools/train.py configs/pronet/wsl_pronet_voc12_level1_points.py
_base_ = [
    '../_base_/models/pronet_chain.py',
    '../_base_/datasets/voc12_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
load_from = 'work_dirs/wsl_pronet_voc12_level1_points/iter_20000.pth'
optim_wrapper = dict(
    optimizer=dict(lr=0.001), paramwise_cfg=dict(_delete_=True, custom_keys=dict(box_heads=dict(lr_mult=10)))
)
