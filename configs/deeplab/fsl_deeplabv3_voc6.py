# DeepLab v3's head on the frozen MobileNetV2: see fsl_deeplabv3_voc.py.
_base_ = ['../fcn/fsl_fcn_voc6.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='ASPPHead',
        in_channels=320,
        channels=128,
        dilations=(1, 6, 12, 18),
        dropout_ratio=0.0,
        num_classes=7,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
