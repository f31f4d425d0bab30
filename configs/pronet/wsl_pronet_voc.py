# A cascade in the manner of ProNet (Sun et al., CVPR 2016). Train wsl_lse_voc.py first: its Log-Sum-Exp score map
# proposes boxes, and a second ResNet-50 classifies each box, resized to 224 pixels, trained on the image-level labels.
#
# As in the paper: image-level labels only; a coarse fully convolutional network with Log-Sum-Exp scores boxes of many
# locations and scales; a second network gets their pixels; wrong proposals of the first stage are its hard examples.
# Different: the boxes are windows of one score map, where the paper scores them at several scales of the image; the
# second stage is trained with Log-Sum-Exp over the boxes of an image, not on sampled batches of boxes; the logits of
# both stages are averaged; ResNet-50 in both; one cascade, no tree; boxes are drawn into the score map, so that there
# are masks. Published: classification mAP VOC 2012 89.3, COCO 70.9; point localization VOC 2012 77.7, COCO 46.4.
_base_ = ['../wsl_lse_voc.py']
load_from = 'work_dirs/wsl_lse_voc/iter_20000.pth'  # python tools/train.py configs/wsl_lse_voc.py
model = dict(
    type='mmwsl.ProposalCascade',
    box_backbone=dict(
        type='ResNetV1c',
        depth=50,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet50_v1c'),
    ),
    box_head=dict(
        type='mmwsl.BoxAggregationHead',
        in_channels=2048,
        num_classes=21,
        hidden_channels=(),
        kernel_size=1,
        crop_size=224,
        proposals=dict(sides=(0.25, 0.5, 0.75, 1.0), max_boxes=8),
        aggregator=dict(type='mmwsl.LSEPooling', r=5.0),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
)
train_dataloader = dict(batch_size=4)  # of 9 crops each
