# ReCAM (Chen et al., CVPR 2022): 4 epochs in batches of 16, learning rate 5e-4 for the softmax classifier and a tenth
# of it for all else. The background threshold 0.21 is published; the authors chose it with masks.
_base_ = ['wsl_recam_voc_cam.py']
load_from = 'work_dirs/wsl_recam_voc_cam/iter_20000.pth'  # python tools/train.py configs/recam/wsl_recam_voc_cam.py
model = dict(
    decode_head=dict(type='mmwsl.ReCAMHead'),
    inference=dict(
        class_maps=dict(
            background=dict(threshold=0.21),
            tuned_on='masks of VOC 2012, by the authors',
        )
    ),
)
optim_wrapper = dict(
    optimizer=dict(lr=5e-5),
    paramwise_cfg=dict(_delete_=True, custom_keys=dict(reactivation=dict(lr_mult=10))),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=2648)]
train_cfg = dict(max_iters=2648, val_interval=662)
