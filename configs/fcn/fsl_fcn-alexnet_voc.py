# FCN-AlexNet (Long, Shelhamer & Darrell, CVPR 2015): CaffeNet, the image padded by 100 pixels, a fixed bilinear
# enlargement of 63 taps, the solver of the authors' code: whole images, 20 per step, 100 000 iterations at a fixed
# learning rate of 1e-4, weight decay 5e-4, twice the learning rate and no decay in the bias of the scores. Published,
# VOC 2011 val (736 images): 48.0 (the authors' release), 39.8 (paper, not verified). Set
# backbone.init_cfg=dict(type='Pretrained', checkpoint=...) to weights of ImageNet in Caffe's layout: torchvision's
# alexnet is another network.
_base_ = [
    '../_base_/datasets/voc_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmwsl.FusedSegDataPreProcessor',
        mean=[104.007, 116.669, 122.679],  # BGR, without scaling
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=(500, 500),  # no image of VOC is larger
    ),
    backbone=dict(type='mmwsl.CaffeNet', fc_channels=4096),
    decode_head=dict(
        type='mmwsl.FCNUpscoreHead',
        in_channels=4096,
        offset=18,
        dropout_ratio=0.0,  # in the backbone
        num_classes=21,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
train_pipeline = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
train_dataloader = dict(batch_size=20, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    optimizer=dict(lr=1e-4, weight_decay=5e-4),
    paramwise_cfg=dict(_delete_=True, custom_keys={'conv_seg.bias': dict(lr_mult=2.0, decay_mult=0.0)}),
)
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]
train_cfg = dict(max_iters=100000, val_interval=4000)
tta_model = dict(type='SegTTAModel')
