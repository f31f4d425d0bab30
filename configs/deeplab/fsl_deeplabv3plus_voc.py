# DeepLab v3+ (Chen et al., ECCV 2018) of mmseg: v3 with separable branches and a decoder. Published, VOC 2012 test:
# 87.8 to 89.0, with Xception, COCO and JFT (not verified).
_base_ = ['fsl_deeplabv3_voc.py']
model = dict(decode_head=dict(type='DepthwiseSeparableASPPHead', c1_in_channels=256, c1_channels=48))
