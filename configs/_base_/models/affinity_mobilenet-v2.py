# A frozen MobileNetV2 at stride 16, its features cached, for a head of affinities on several of its feature maps. A
# config adds `decode_head` and `out_indices`.
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
        type='mmwsl.CachedBackbone',
        cache_dir='work_dirs/feature_cache',
        backbone=dict(
            type='mmwsl.DilatedMobileNetV2',
            output_stride=16,
            frozen=True,
            init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/mobilenet_v2_imagenet.pth'),
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
