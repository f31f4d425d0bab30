# DeepLab v3+ on a frozen EfficientNet-Lite0 at stride 16, with the feature maps of stride 8 and 16.
_base_ = ['deeplabv3plus_mobilenet-v2.py']
checkpoint = '{{$MMWSL_WEIGHTS_ROOT:weights}}/tf_efficientnet_lite0_imagenet.pth'
data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(type='mmwsl.DilatedEfficientNetLite', init_cfg=dict(type='Pretrained', checkpoint=checkpoint)),
    decode_head=dict(c1_in_channels=40),
)
