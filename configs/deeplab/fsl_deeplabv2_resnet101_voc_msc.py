# DeepLab v2 on ResNet-101 with several input scales (Chen et al., PAMI 2018): scales 1, 0.75, 0.5 with shared weights,
# the maximum of their logits, four losses, four summed branches at stride 8, batch normalization frozen. Solver of the
# authors' code: crops of 321 pixels, batches of 10, 20 000 iterations, learning rate 2.5e-4, times 10 in the head,
# times 20 (not verified) in its bias. Published, VOC 2012 val: 76.35, with the CRF 77.69, see
# fsl_deeplabv2_resnet101_voc_msc_crf.py; test 79.7, not verified. The authors start from weights of COCO, here of
# ImageNet: about 2 points less, not verified.
_base_ = [
    '../_base_/datasets/voc_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
crop_size = (321, 321)
model = dict(
    type='mmwsl.MultiScaleEncoderDecoder',
    scales=(1.0, 0.75, 0.5),
    data_preprocessor=dict(
        type='mmwsl.FusedSegDataPreProcessor',
        mean=[103.530, 116.280, 123.675],  # of BGR images, as the weights in Caffe's style expect them
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=crop_size,
    ),
    backbone=dict(
        type='ResNet',
        depth=101,
        style='caffe',
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        out_indices=(3,),
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://detectron2/resnet101_caffe'),
    ),
    decode_head=dict(
        type='mmwsl.DeepLabV2Head',
        in_channels=2048,
        channels=2048,
        dilations=(6, 12, 18, 24),
        dropout_ratio=0.0,
        num_classes=21,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.5, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))
# The learning rate of the head's weights; a tenth in the backbone, twice in the head's biases.
optim_wrapper = dict(optimizer=dict(lr=2.5e-3, weight_decay=5e-4), paramwise_cfg=dict(bias_lr_mult=2.0))
tta_model = dict(type='mmwsl.WeakSegTTAModel')
