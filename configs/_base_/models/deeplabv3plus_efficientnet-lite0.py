# deeplabv3plus_mobilenet-v2.py with EfficientNet-Lite0, which has 40 channels at stride 8.
_base_ = ['deeplabv3plus_mobilenet-v2.py']
checkpoint = '{{$MMWSL_WEIGHTS_ROOT:weights}}/tf_efficientnet_lite0_imagenet.pth'
data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type='mmwsl.DilatedEfficientNetLite',
        init_cfg=dict(checkpoint=checkpoint),
    ),
    decode_head=dict(c1_in_channels=40),
)
