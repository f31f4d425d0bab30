# DeepLab v3+ on a frozen MobileNetV2 at stride 16, with the feature maps of stride 8 and 16.
norm_cfg = dict(type='BN')
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmwsl.FusedSegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(320, 320),
    ),
    backbone=dict(
        type='mmwsl.DilatedMobileNetV2',
        output_stride=16,
        out_indices=(2, 6),
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/mobilenet_v2_imagenet.pth'),
    ),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=320,
        in_index=1,
        channels=64,
        dilations=(1, 3, 6, 9),  # of 20 x 20 locations
        c1_in_channels=32,
        c1_channels=24,
        dropout_ratio=0.0,  # an interrupted training then resumes to the same weights
        num_classes=7,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
