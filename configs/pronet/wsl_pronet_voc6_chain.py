# ProNet for two CPU cores: see wsl_pronet_voc_chain.py. Level 2 is an EfficientNet-Lite0, fine-tuned on crops of 128
# pixels: it is more accurate on ImageNet than the MobileNetV2 of level 1. Its inputs differ by less than half a gray
# level from those it was trained with.
_base_ = ['wsl_pronet_voc6_level1.py']
load_from = (
    'work_dirs/wsl_pronet_voc6_level1/epoch_6.pth'  # python tools/train.py configs/pronet/wsl_pronet_voc6_level1.py
)
model = dict(
    type='mmwsl.ProNet',
    field=224,
    crop_size=128,
    max_pairs=32,
    box_backbone=dict(
        type='mmwsl.DilatedEfficientNetLite',
        output_stride=32,
        last_conv=True,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/tf_efficientnet_lite0_imagenet.pth',
        ),
    ),
    box_head=dict(
        type='mmwsl.LSEAggregationHead',
        in_channels=1280,
        in_index=-1,
        num_classes=7,
        hidden_channels=(),
        kernel_size=1,
        aggregator=dict(type='mmwsl.GlobalAveragePooling'),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(box_backbones=dict(lr_mult=0.1))))
