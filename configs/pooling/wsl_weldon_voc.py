# WELDON (Durand et al., CVPR 2016): sum of the 3 highest and the 3 lowest scores, as the paper with windows of up to
# 70%. The paper: VGG-16, 8 scales fused, a ranking loss. Published classification mAP: VOC 2007 90.2, VOC 2012 88.5,
# COCO 68.8; on VOC 2007 max 83.6, top k 86.3, max and min 87.5, both 88.4, with the ranking loss 88.9. Here ResNet-50,
# one scale and the logistic loss.
# Solver and length are those of wsl_lse_voc.py, not of the paper.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.WELDONPooling', kmax=3, kmin=3)))
