# Both levels of ProNet (Sun et al., CVPR 2016): boxes of level 1 go to a VGG-16 that classifies their pixels.
_base_ = ['pronet_level1.py']
model = dict(
    type='mmwsl.ProNet',
    field=224,
    crop_size=224,
    max_pairs=32,
    box_backbone=dict(
        type='mmwsl.VGG16',
        fc_channels=4096,
        fc_padding='valid',
        init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/vgg16_imagenet.pth'),
    ),
    box_head=dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=4096,
        num_classes=21,
        hidden_channels=(),
        kernel_size=1,
        aggregator=dict(type='mmwsl.GlobalAveragePooling'),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
)
