# ProNet (Sun et al., CVPR 2016), both levels: boxes of wsl_pronet_voc_level1.py go to a VGG-16 that classifies their
# pixels. Half of its boxes in a batch are the best of a class in the image, half are the highest-scoring of classes
# that the image does not contain. Published: classification mAP VOC 2012 89.3, COCO 70.9; point localization VOC 2012
# 77.7, COCO 46.4.
#
# As in the paper: image-level labels only, a multi-scale fully convolutional net with Log-Sum-Exp over locations and
# scales, boxes that go to a slower network, which is trained on harder boxes, a chain or a tree. Not verified in the
# paper, and our choices: windows of 224 pixels without context, up to 2 boxes of a class above 0.01 without overlap,
# 32 boxes in a batch, the product of both probabilities.
_base_ = [
    '../_base_/models/pronet_chain.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
load_from = (
    'work_dirs/wsl_pronet_voc_level1/iter_20000.pth'  # python tools/train.py configs/pronet/wsl_pronet_voc_level1.py
)
optim_wrapper = dict(
    optimizer=dict(lr=0.001), paramwise_cfg=dict(_delete_=True, custom_keys=dict(box_heads=dict(lr_mult=10)))
)
