# The cascade of wsl_pronet_voc.py, for two CPU cores: boxes are cropped from the first network's feature map
# (RoIAlign), which the cache stores, instead of the image. Train wsl_lse_voc6.py first.
_base_ = ['../lse/wsl_lse_voc6.py']
load_from = 'work_dirs/wsl_lse_voc6/epoch_6.pth'  # python tools/train.py configs/lse/wsl_lse_voc6.py
model = dict(
    type='mmwsl.ProposalCascade',
    box_head=dict(
        type='mmwsl.BoxAggregationHead',
        in_channels=320,
        num_classes=7,
        hidden_channels=(256,),
        kernel_size=(3, 1),
        dropout_ratio=0.0,
        crop_size=7,
        proposals=dict(sides=(0.25, 0.5, 0.75, 1.0), max_boxes=8),
        aggregator=dict(type='mmwsl.LSEPooling', r=5.0),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
)
