# A head with normalization tolerates a higher learning rate and needs fewer epochs: with 1e-3, DeepLab v3+ still
# confused cows with horses after 6.
_base_ = ['adamw_6e.py']
optim_wrapper = dict(optimizer=dict(lr=5e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=4, val_interval=4)
