# A cascade in the manner of ProNet (Sun et al., CVPR 2016). Train wsl_lse_voc.py first: its Log-Sum-Exp map proposes
# boxes, and a second ResNet-50 classifies each box, zoomed to 224 pixels, trained from the tags of the image.
#
# As in the paper: tags alone; a coarse fully convolutional network with Log-Sum-Exp scores boxes at several places and
# scales; a second network sees their pixels; what the first one proposes wrongly are its hard examples. Different: the
# boxes are windows over one map, by their agreement with it, where the paper scores them at several scales of the
# image; the second stage is trained through Log-Sum-Exp over an image's boxes, not on sampled batches of boxes; the
# stages meet in the mean of their logits; ResNet-50 in both; one chain, no tree; boxes paint their scores, so that
# there are masks. Published: classification mAP VOC 2012 89.3, COCO 70.9; pointwise localisation VOC 2012 77.7,
# COCO 46.4.
_base_ = ['wsl_lse_voc.py']
load_from = 'work_dirs/wsl_lse_voc/iter_20000.pth'
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
        background=dict(type='mmwsl.ConstantBackground', threshold=0.5),  # as in the first stage
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
)
train_dataloader = dict(batch_size=4)  # of 9 crops each
