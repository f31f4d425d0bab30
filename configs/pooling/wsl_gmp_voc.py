# Global max pooling, as in Deep MIL (Oquab et al., CVPR 2015). Published: classification mAP VOC 2012 86.3, COCO 62.8;
# point localization VOC 2012 74.5, COCO 41.2. Pinheiro & Collobert, average per-class accuracy with superpixels on VOC
# 2008, 2009, 2010: max 44.3, 45.5, 45.9, Log-Sum-Exp 56.3, 57.0, 56.1.
# Solver and length are those of wsl_lse_voc.py, not of the paper.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling')))
