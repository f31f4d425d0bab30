# DeepLab v2 on the frozen MobileNetV2, the branches of fsl_deeplabv2_voc.py at stride 16.
_base_ = ['../fcn/fsl_fcn_voc6.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmwsl.DeepLabV2Head',
        in_channels=320,
        channels=128,
        dilations=(3, 6, 9, 12),
        hidden=True,
        dropout_ratio=0.0,
        num_classes=7,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
