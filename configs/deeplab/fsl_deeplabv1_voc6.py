# DeepLab v1 LargeFOV on the frozen MobileNetV2: one dilated convolution of dilation 6 at stride 16, which is 12 at
# stride 8; see fsl_deeplabv1_voc.py.
_base_ = ['../fcn/fsl_fcn_voc6.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmwsl.DeepLabV2Head',
        in_channels=320,
        channels=256,
        dilations=(6,),
        hidden=True,
        dropout_ratio=0.0,
        num_classes=7,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
