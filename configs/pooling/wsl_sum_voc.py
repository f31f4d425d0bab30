# Sum of all locations (Pinheiro & Collobert, CVPR 2015, Eq. 4). Published, average per-class accuracy with superpixels
# on VOC 2008, 2009, 2010: sum 47.5, 50.0, 50.1, Log-Sum-Exp 56.3, 57.0, 56.1; see wsl_sum_voc_sppxl_acc.py. The sum
# over n = 28 * 28 locations is n times the mean. The initial weights of the last convolution are n times and its
# learning rate n * n times smaller, which makes the steps of SGD those of global average pooling on images of this
# size. The paper does not say what it did.
_base_ = ['../wsl_lse_voc.py']
model = dict(
    decode_head=dict(
        init_cfg=dict(type='Normal', std=0.01 / 784, override=dict(name='conv_seg')),
        aggregator=dict(_delete_=True, type='mmwsl.GlobalSumPooling'),
    )
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(conv_seg=dict(lr_mult=1 / 784**2))))
