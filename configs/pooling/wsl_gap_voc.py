# Global average pooling, as in class activation maps (Zhou et al., CVPR 2016); the paper's results are on ImageNet
# (top-5 localization error 43.0 with GoogLeNet, 45.1 with VGG). Pinheiro & Collobert, sum, average per-class accuracy
# with superpixels on VOC 2008, 2009, 2010: 47.5, 50.0, 50.1, Log-Sum-Exp 56.3, 57.0, 56.1.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')))
