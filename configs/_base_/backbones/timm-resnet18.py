# ResNet-18 of timm in place of MobileNetV2: a config that inherits a light model and this file sets
# `model = _base_.classifier`, `model = _base_.segmentor` or `model = _base_.affinity`. For another network of timm, set
# its name, its weights, its colors and its channels.
colors = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
resnet18 = dict(
    type='mmwsl.DilatedTIMMBackbone',
    model_name='resnet18',
    init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/resnet18_imagenet.pth'),
)
classifier = dict(
    data_preprocessor=colors,
    backbone=dict(backbone=dict(resnet18, out_indices=(4,))),  # in a feature cache
    decode_head=dict(in_channels=512),
)
segmentor = dict(
    data_preprocessor=colors,
    backbone=dict(resnet18, out_indices=(2, 4)),  # of stride 8 and 16
    decode_head=dict(in_channels=512, c1_in_channels=128),
)
affinity = dict(
    data_preprocessor=colors,
    backbone=dict(backbone=dict(resnet18, out_indices=(1, 2, 3, 4))),  # of stride 4, 8, 16 and 16, in a feature cache
    decode_head=dict(in_channels=(64, 128, 256, 512)),
)
