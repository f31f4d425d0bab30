# Deep MIL (Oquab et al., CVPR 2015): a fully convolutional classifier of stride 32, two adaptation layers, global max
# pooling and one logistic loss per class, trained on images of random scale. At test time the image-level score is the
# mean over scales of the maximum, and the point of a class is its best location of all scales. Published:
# classification mAP VOC 2012 86.3, COCO 62.8; point localization VOC 2012 74.5, COCO 41.2. Trained on train, evaluated
# on val of the classification task, with the boxes of the XML files. No mask is read.
#
# Different: VGG-16 with 4096 channels in fc6 and fc7, where the paper has an AlexNet-like network with 6144 channels,
# trained on 1512 classes of ImageNet. Constants not verified in the paper: 2048 channels of the first adaptation layer,
# images of 500 pixels, training scales of 0.7 to 1.4, the test scales, and a learning rate that starts at 0.
_base_ = ['../wsl_lse_voc.py']
crop_size = (500, 500)
data_preprocessor = dict(size=crop_size)
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        _delete_=True,
        type='mmwsl.VGG16',
        fc_channels=4096,
        init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/vgg16_imagenet.pth'),
    ),
    decode_head=dict(
        in_channels=4096,
        hidden_channels=(2048,),
        kernel_size=1,
        aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling'),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss', loss_weight=20.0),  # the paper sums over the classes
    ),
    inference=dict(scorer=dict(type='mmwsl.MultiScaleScorer', scales=(0.5, 0.7, 1.0, 1.4, 2.0, 2.8), merge='max')),
)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.7, 1.4), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),  # smaller images are padded, and padding is not pooled
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='mmwsl.PackImageLabelInputs'),
]
views = _base_.tta_pipeline[-1].transforms
tta_pipeline = _base_.tta_pipeline[:2] + [dict(type='TestTimeAug', transforms=views[:2] + views[3:])]
train_dataloader = dict(
    dataset=dict(ann_file='', label_file='ImageSets/Main', label_split='train', pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(
        ann_file='', label_file='ImageSets/Main', label_split='val', difficult='unknown', pipeline=test_pipeline
    )
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='mmwsl.ImageLabelMetric', variants=('area', 'all_points')),
    dict(
        type='mmwsl.PointLocalizationMetric',
        annotations='{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2012/Annotations',
        variants=('area', 'all_points'),
    ),
]
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=5e-4))
# One location of an image gets the gradient: without the warm-up, a class may lose all its locations at the start.
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=500),
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=500, end=20000),
]
