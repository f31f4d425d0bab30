# DeepLab v2 on VGG-16 (Chen et al., PAMI 2018): as v1, with four parallel pairs of fc6 and fc7. Published: 79.7 on
# VOC 2012 test (not verified) is the ResNet-101 model with the CRF, several scales, and COCO; this is the paper's
# VGG-16 variant.
_base_ = ['fsl_deeplabv1_voc.py']
model = dict(
    backbone=dict(fc_dilations=(6, 12, 18, 24)),
    decode_head=dict(in_channels=(1024, 1024, 1024, 1024), in_index=(0, 1, 2, 3), dilations=(1, 1, 1, 1)),
)
