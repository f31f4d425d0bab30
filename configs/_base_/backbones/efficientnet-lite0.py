# EfficientNet-Lite0 in place of MobileNetV2: a config that inherits a light model and this file sets
# `model = _base_.classifier`, `model = _base_.segmentor` or `model = _base_.affinity`.
colors = dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0])
efficientnet = dict(
    type='mmwsl.DilatedEfficientNetLite',
    arch='lite0',
    init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/tf_efficientnet_lite0_imagenet.pth'),
)
classifier = dict(
    data_preprocessor=colors,
    backbone=dict(backbone=efficientnet),  # in a feature cache
    decode_head=dict(in_channels=320),
)
segmentor = dict(
    data_preprocessor=colors,
    backbone=efficientnet,
    decode_head=dict(in_channels=320, c1_in_channels=40),
)
stages = (24, 40, 112, 320)  # of stride 4, 8, 16 and 16
affinity = dict(
    data_preprocessor=colors,
    backbone=dict(backbone=efficientnet),  # in a feature cache
    decode_head=dict(in_channels=stages),
)
