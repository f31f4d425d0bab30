# mmseg's FCN on the backbone of fsl_deeplabv3_voc.py: two 3x3 convolutions instead of the ASPP.
_base_ = ['../deeplab/fsl_deeplabv3_voc.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=2048,
        channels=512,
        num_classes=21,
        norm_cfg={{_base_.norm_cfg}},
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
