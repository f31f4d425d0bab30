# Global average pooling, as in class activation maps (Zhou et al., CVPR 2016); the paper's results are on ImageNet
# (top-5 localization error 43.0 with GoogLeNet, 45.1 with VGG). The sum of Pinheiro & Collobert is wsl_sum_voc.py.
# Solver and length are those of wsl_lse_voc.py, not of the paper.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')))
