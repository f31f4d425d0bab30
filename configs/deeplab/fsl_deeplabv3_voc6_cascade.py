# The cascaded modules of fsl_deeplabv3_voc_cascade.py on voc6: ResNet-50 of a quarter of the width, from scratch, on
# images of 224 pixels. A check of the network, not a competitor.
_base_ = ['../unet/fsl_unet_voc6.py']
model = dict(
    data_preprocessor=dict(test_cfg=dict(_delete_=True, size=(224, 224))),
    backbone=dict(
        _delete_=True,
        type='mmwsl.CascadedResNet',
        depth=50,
        stem_channels=16,
        base_channels=16,
        num_blocks=7,
        output_stride=16,
        multi_grid=(1, 2, 1),
        norm_cfg={{_base_.norm_cfg}},
    ),
    decode_head=dict(in_channels=512, channels=512),
)
