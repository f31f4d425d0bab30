# MCTformer+ (Xu et al., CVPR 2022, TPAMI 2024) with DeiT-S. The folder is a copy of facebook/deit-small-patch16-224 of
# the Hugging Face Hub: config.json, preprocessor_config.json, weights.
folder = '{{$MMWSL_WEIGHTS_ROOT:weights}}/deit-small-patch16-224'
data_preprocessor = dict(type='mmwsl.FolderPreProcessor', folder=folder, size=(448, 448), pad_val=0, seg_pad_val=255)
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(type='mmwsl.ClassTokenTransformer', folder=folder, num_tokens=20),
    decode_head=dict(
        type='mmwsl.MCTformerHead',
        in_channels=384,
        num_classes=21,
        hidden_channels=(),
        kernel_size=3,
        aggregator=dict(type='mmwsl.GlobalWeightedRankPooling', d=0.996),
        background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
        attention_layers=3,
    ),
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps', background=dict(type='mmwsl.ConstantBackground', threshold=0.3)
        ),
        postprocessors=[dict(type='mmwsl.ImageLevelPrior')],
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
