# Pinheiro & Collobert, CVPR 2015: OverFeat (slow), frozen, four 3x3 convolutions, Log-Sum-Exp with r = 5, softmax.
data_preprocessor = dict(
    type='mmwsl.FusedSegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(400, 400),
)
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=data_preprocessor,
    # Weights of OverFeat in PyTorch: backbone.init_cfg=dict(type='Pretrained', checkpoint=...)
    backbone=dict(type='mmwsl.OverFeat', frozen_stages=6),
    decode_head=dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=1024,
        num_classes=21,
        hidden_channels=(1024, 768, 512),
        kernel_size=3,
        same_padding=False,
        dropout_ratio=0.5,
        aggregator=dict(type='mmwsl.LSEPooling', r=5.0),
        background=dict(type='mmwsl.LearnedBackground'),
        loss_decode=dict(type='mmwsl.SoftmaxCrossEntropyLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
