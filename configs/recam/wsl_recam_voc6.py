# ReCAM (Chen et al., CVPR 2022) on the network of wsl_gap_voc6.py: its softmax classifier gets the 512 features before
# the last convolution. Start, length and the ratio of the learning rates are the paper's; the optimizer is AdamW.
_base_ = ['../cam/wsl_gap_voc6_cam.py']
load_from = 'work_dirs/wsl_gap_voc6/epoch_6.pth'  # python tools/train.py configs/pooling/wsl_gap_voc6.py
model = dict(decode_head=dict(type='mmwsl.ReCAMHead'))
optim_wrapper = dict(optimizer=dict(lr=1e-4), paramwise_cfg=dict(custom_keys=dict(reactivation=dict(lr_mult=10))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=4, val_interval=4)
