# FCN-AlexNet of a quarter of the width, from scratch, on images of 224 pixels, a check of the network: see
# fsl_fcn-alexnet_voc.py and fsl_unet_voc6.py.
_base_ = ['../unet/fsl_unet_voc6.py']
model = dict(
    backbone=dict(_delete_=True, type='mmwsl.CaffeNet', channels=(32, 64, 96, 96, 64), fc_channels=1024),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.FCNUpscoreHead',
        in_channels=1024,
        offset=18,
        dropout_ratio=0.0,
        num_classes=7,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
