# AffinityNet of PSA (Ahn & Kwak, CVPR 2018) on pseudo-labels of VOC 2012, with a ResNet-50 at stride 8 in place of the
# paper's ResNet-38. Constants of the authors' code: 64 + 128 + 256 channels, radius 5 without the border, learning rate
# 0.1, 1 in the new layers, weight decay 5e-4, batches of 8, 8 epochs, crops of 448, first stages frozen. There is no
# validation: the network predicts affinities, not masks.
_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/voc_masks.py',
    '../_base_/datasets/voc_pseudo.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
crop_size = (448, 448)
model = dict(
    type='EncoderDecoder',
    backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), frozen_stages=2),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.AffinityHead',
        in_channels=(512, 1024, 2048),
        in_index=(1, 2, 3),
        level_channels=(64, 128, 256),
        radius=5,
        margin=4,
        num_classes=21,
    ),
)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=8, dataset=dict(_base_.pseudo_labels, pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1.0, weight_decay=5e-4))  # times 0.1 in the backbone
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=10582)]
train_cfg = dict(max_iters=10582, val_interval=10582)  # 8 epochs of 10 582 images
default_hooks = dict(checkpoint=dict(interval=10582))
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
