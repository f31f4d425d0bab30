# MCTformer+ (Xu et al., CVPR 2022, TPAMI 2024) on VOC 2012: DeiT-S, 448 pixels, 45 epochs, AdamW with learning rate
# 5e-4 and weight decay 0.05, scales 0.75, 1 and 1.25. Batches of 64, the scaling of the learning rate by 64/512, five
# epochs of warm-up and the cosine are those of DeiT, and not verified. The background threshold 0.3 is not tuned.
_base_ = [
    '../_base_/models/mctformer_deit-s.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=6.25e-5, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=827),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=False, begin=827, end=7441),
]
train_cfg = dict(max_iters=7441, val_interval=1654)
default_hooks = dict(checkpoint=dict(interval=1654), logger=dict(interval=50))
