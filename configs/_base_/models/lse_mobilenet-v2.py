# A light model for six classes: MobileNetV2 at stride 16, frozen, its features cached, and two 1x1 convolutions.
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=dict(
        type='mmwsl.FusedSegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(448, 448),
    ),
    backbone=dict(
        type='mmwsl.CachedBackbone',
        cache_dir='work_dirs/feature_cache',
        backbone=dict(
            type='mmwsl.DilatedMobileNetV2',
            output_stride=16,
            out_indices=(6,),
            frozen=True,
            init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/mobilenet_v2_imagenet.pth'),
        ),
    ),
    decode_head=dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=320,
        num_classes=7,
        hidden_channels=(512,),
        kernel_size=1,
        dropout_ratio=0.0,
        # Tuned on the masks of voc6 val: a small r spreads the gradient over the object.
        aggregator=dict(type='mmwsl.LSEPooling', r=0.3),
        background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
