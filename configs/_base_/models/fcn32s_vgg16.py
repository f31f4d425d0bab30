# FCN-32s: VGG-16 with its classifier as convolutions, and one scoring of its last feature map.
data_preprocessor = dict(
    type='mmwsl.FusedSegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(512, 512),
    test_cfg=dict(size_divisor=32),
)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmwsl.VGG16',
        fc_channels=4096,
        init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/vgg16_imagenet.pth'),
    ),
    decode_head=dict(
        type='mmwsl.FCNSkipHead',
        in_channels=4096,
        channels=4096,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=21,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
