# WILDCAT (Durand et al., CVPR 2017): ResNet-101 at stride 32, fine-tuned, one convolution to 4 maps per class, the mean
# of the 20 highest of 14 x 14 scores plus 0.7 times that of the 20 lowest.
_base_ = ['lse_resnet50.py']
model = dict(
    backbone=dict(
        depth=101,
        strides=(1, 2, 2, 2),
        dilations=(1, 1, 1, 1),
        contract_dilation=False,
        init_cfg=dict(checkpoint='open-mmlab://resnet101_v1c'),
    ),
    decode_head=dict(
        hidden_channels=(),
        kernel_size=1,
        maps_per_class=4,
        aggregator=dict(_delete_=True, type='mmwsl.WILDCATPooling', kmax=20, kmin=20, alpha=0.7),
    ),
)
