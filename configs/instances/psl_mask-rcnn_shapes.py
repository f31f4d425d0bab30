# Narrow and from scratch, so that it trains on a CPU within minutes.
_base_ = [
    '../_base_/models/mask-rcnn_resnet50.py',
    '../_base_/datasets/shapes_instances.py',
    '../_base_/schedules/adamw_3e.py',
    '../_base_/default_runtime.py',
]
channels = 64
model = dict(
    backbone=dict(depth=18, frozen_stages=-1, norm_eval=False, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256, 512], out_channels=channels),
    rpn_head=dict(in_channels=channels, feat_channels=channels, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=channels),
        bbox_head=dict(in_channels=channels, fc_out_channels=256, num_classes=6),
        mask_roi_extractor=dict(out_channels=channels),
        mask_head=dict(in_channels=channels, conv_out_channels=channels, num_classes=6),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=500, max_per_img=200),
        rcnn=dict(sampler=dict(num=64)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=500, max_per_img=200)),
)
custom_hooks = [*_base_.custom_hooks, dict(type='mmdet.NumClassCheckHook')]
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=10))
