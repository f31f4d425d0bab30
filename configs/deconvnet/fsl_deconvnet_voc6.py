# DeconvNet of a quarter of the width, from scratch, whole images of 224 pixels: see fsl_unet_voc6.py.
_base_ = ['../unet/fsl_unet_voc6.py']
model = dict(
    data_preprocessor=dict(test_cfg=dict(_delete_=True, size=(224, 224))),
    backbone=dict(
        _delete_=True,
        type='mmwsl.VGG16',
        channels=(16, 32, 64, 128, 128),
        with_bn=True,
        fc_channels=512,
        fc_padding='valid',
        return_pool_indices=True,
    ),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.DeconvNetHead',
        in_channels=512,
        stages=(16, 32, 64, 128, 128),
        dropout_ratio=0.0,
        num_classes=7,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
