# DeepLab v3's cascaded modules (Chen et al., 2017, Figure 3): ResNet-101 at stride 16, three copies of block 4 with
# doubled rates, unit rates (1, 2, 1), in place of the ASPP. Published, from memory of the paper and not verified: VOC
# 2012 val, mIoU of 4, 5, 6, 7 blocks 70.2, 75.7, 76.1, 76.7 at stride 16; at stride 8 at test time 78.1, with scales
# and flips 79.4. The scores, crop of 513 pixels, batches of 16, learning rate 0.007 and 30 000 iterations are the
# paper's, not verified either. Left out: its second training with frozen batch normalization at stride 8.
_base_ = ['fsl_deeplabv3_voc.py']
crop_size = (513, 513)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        _delete_=True,
        type='mmwsl.CascadedResNet',
        depth=101,
        num_blocks=7,
        output_stride=16,
        multi_grid=(1, 2, 1),
        norm_cfg={{_base_.norm_cfg}},
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c'),
    ),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=2048,
        channels=2048,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=21,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
train_pipeline = [
    *_base_.train_pipeline[:3],
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    *_base_.train_pipeline[4:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.007), paramwise_cfg=None)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=30000)]
train_cfg = dict(max_iters=30000)
