# MCTformer+ on the six classes of voc6, see wsl_mctformer_voc.py: 45 epochs, whole images without random transforms.
_base_ = [
    '../_base_/models/mctformer_deit-s.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
model = dict(backbone=dict(num_tokens=6), decode_head=dict(num_classes=7))
train_dataloader = dict(batch_size=64, sampler=dict(type='InfiniteSampler'))
optim_wrapper = dict(optimizer=dict(lr=6.25e-5, weight_decay=0.05))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=245),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=False, begin=245, end=2205),
]
train_cfg = dict(max_iters=2205, val_interval=2205)
default_hooks = dict(checkpoint=dict(interval=490), logger=dict(interval=50))
