# A mean teacher on MobileNetV2 at stride 16: its class maps, refined by colors, are the labels of DeepLab v3+.
# ToCo's (Ru et al., CVPR 2023): the weight 0.1 of the segmentation loss, background and foreground balanced. IRN's
# (Ahn et al., CVPR 2019): both thresholds, for the maps of a CNN. Ours, for a short training: a moving average with 10
# divided by the iterations, a fifth of them for the warm-up, and the stages up to stride 8 frozen, with all statistics
# of batch normalization.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(
    type='mmwsl.MeanTeacherSegmentor',
    backbone=dict(frozen=False, frozen_stages=3, norm_eval=True),
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='mmwsl.RobustCrossEntropyLoss', balanced=True, loss_weight=0.1)
    ),
    auxiliary_head=dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=320,
        in_index=1,
        num_classes=7,
        hidden_channels=(),
        kernel_size=1,
        aggregator=dict(type='mmwsl.GlobalAveragePooling'),
        background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
    warmup_iters=300,
    momentum=10 / 1500,
    labeler=dict(
        type='mmwsl.OnlineLabeler',
        bg_threshold=0.05,
        fg_threshold=0.3,
        tuned_on='masks of VOC 2012, by the authors of IRN',
    ),
)
resize = dict(type='Resize', scale=crop_size, keep_ratio=True)
train_pipeline = [  # whole images: a crop could cut the labeled object out
    _base_.train_pipeline[0],
    resize,
    dict(type='RandomFlip', prob=0.5),
    _base_.train_pipeline[-1],
]
test_pipeline = [*_base_.test_pipeline[:2], resize, *_base_.test_pipeline[3:]]
train_dataloader = dict(batch_size=4, sampler=dict(type='InfiniteSampler'), dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.val_evaluator[:2]
test_evaluator = val_evaluator
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=1500),
]
train_cfg = dict(max_iters=1500, val_interval=1500)
