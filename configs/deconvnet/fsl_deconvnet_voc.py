# DeconvNet (Noh, Hong & Han, ICCV 2015): VGG-16 and its mirror image. Published, VOC 2012 test: 69.6, with the CRF
# 70.5, averaged with FCN-8s 71.7, with both 72.5 (not verified). The paper takes the pixel-wise maximum over 50
# proposals per image, and trains on single objects first. Here windows of the paper's size slide over the image, and
# there is one training, on crops. The weight decay is the paper's 5e-4; learning rate and schedule are those of all
# fsl_*_voc.py.
_base_ = ['../fcn/fsl_fcn32s_voc.py']
crop_size = (224, 224)
model = dict(
    data_preprocessor=dict(size=crop_size, test_cfg=dict(_delete_=True, size=crop_size)),
    backbone=dict(
        with_bn=True,
        fc_padding='valid',
        return_pool_indices=True,
        init_cfg=dict(checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/vgg16_bn_imagenet.pth'),
    ),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.DeconvNetHead',
        in_channels=4096,
        dropout_ratio=0.0,
        num_classes=21,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    test_cfg=dict(mode='slide', crop_size=crop_size, stride=(112, 112)),
)
train_pipeline = (
    _base_.train_pipeline[:3]
    + [dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75)]
    + _base_.train_pipeline[4:]
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
