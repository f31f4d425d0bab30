# ResNet-50 at stride 16, fine-tuned, with the segmentation network and the aggregation of Pinheiro & Collobert.
data_preprocessor = dict(
    type='mmwsl.FusedSegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size=(448, 448),
)
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='ResNetV1c',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        contract_dilation=True,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet50_v1c'),
    ),
    decode_head=dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=2048,
        num_classes=21,
        aggregator=dict(type='mmwsl.LSEPooling', r=5.0),
        background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
