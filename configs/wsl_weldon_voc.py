# WELDON (Durand et al., CVPR 2016): sum of the best 3 and the worst 3 cells, as the paper with windows of up to 70 %.
# The paper: VGG-16, 8 scales fused, loss on the ranking. Classification mAP, all published: VOC 2007 90.2, VOC 2012
# 88.5, COCO 68.8; on VOC 2007 max 83.6, more best cells 86.3, max and min 87.5, both 88.4, with the ranking loss
# 88.9. Here ResNet-50, one scale and the logistic loss.
_base_ = ['wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.WELDONPooling', kmax=3, kmin=3)))
