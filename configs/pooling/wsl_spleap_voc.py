# The soft-max pooling of SPLeaP (Kulkarni et al., ECCV 2016) of class scores, with one learned sharpness per class. The
# paper's boosted part classifiers are not part of it. Published: classification mAP VOC 2007 88.0, MIT67 accuracy 73.5.
# Solver and length are those of wsl_lse_voc.py, not of the paper.
_base_ = ['../wsl_lse_voc.py']
model = dict(
    decode_head=dict(
        aggregator=dict(_delete_=True, type='mmwsl.SoftmaxPooling', sharpness=1.0, learnable=True, num_classes=21)
    )
)
