# Mask R-CNN with ResNet-50 and FPN, as in MMDetection, whose package it needs. `default_scope` remains mmseg, as the
# hooks and metrics of mmwsl need; the parts of the network are searched in mmdet, as its classes build some by default.
# Background is no class here: `num_classes` counts the classes of objects.
custom_imports = dict(imports=['mmwsl.compat.mmdet'])
num_classes = 20
nms = dict(type='nms', iou_threshold=0.7)
roi_align = dict(type='RoIAlign', sampling_ratio=0)  # mmcv.ops; plain torch where these are not compiled
box_coder = dict(type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4)
assigner = dict(type='MaxIoUAssigner', match_low_quality=True, ignore_iof_thr=-1)
cross_entropy = dict(type='CrossEntropyLoss', loss_weight=1.0)
smooth = dict(type='L1Loss', loss_weight=1.0)
model = dict(
    type='MaskRCNN',
    _scope_='mmdet',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type='ResNet',
        depth=50,
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    neck=dict(type='FPN', in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=5),
    rpn_head=dict(
        type='RPNHead',
        in_channels=256,
        feat_channels=256,
        anchor_generator=dict(type='AnchorGenerator', scales=[8], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64]),
        bbox_coder=dict(box_coder, target_stds=[1.0] * 4),
        loss_cls=dict(cross_entropy, use_sigmoid=True),
        loss_bbox=smooth,
    ),
    roi_head=dict(
        type='StandardRoIHead',
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(roi_align, output_size=7),
            out_channels=256,
            featmap_strides=[4, 8, 16, 32],
        ),
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=256,
            fc_out_channels=1024,
            roi_feat_size=7,
            num_classes=num_classes,
            bbox_coder=dict(box_coder, target_stds=[0.1, 0.1, 0.2, 0.2]),
            loss_cls=dict(cross_entropy, use_sigmoid=False),
            loss_bbox=smooth,
        ),
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(roi_align, output_size=14),
            out_channels=256,
            featmap_strides=[4, 8, 16, 32],
        ),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=num_classes,
            loss_mask=dict(cross_entropy, use_mask=True),
        ),
    ),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(assigner, pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3),
            sampler=dict(type='RandomSampler', num=256, pos_fraction=0.5, add_gt_as_proposals=False),
            allowed_border=-1,
            pos_weight=-1,
            debug=False,
        ),
        rpn_proposal=dict(nms_pre=2000, max_per_img=1000, nms=nms, min_bbox_size=0),
        rcnn=dict(
            assigner=dict(assigner, pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5),
            sampler=dict(type='RandomSampler', num=512, pos_fraction=0.25, add_gt_as_proposals=True),
            mask_size=28,
            pos_weight=-1,
            debug=False,
        ),
    ),
    test_cfg=dict(
        rpn=dict(nms_pre=1000, max_per_img=1000, nms=nms, min_bbox_size=0),
        rcnn=dict(score_thr=0.05, nms=dict(nms, iou_threshold=0.5), max_per_img=100, mask_thr_binary=0.5),
    ),
)
