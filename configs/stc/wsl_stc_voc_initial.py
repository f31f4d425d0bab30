# STC, simple to complex (Wei et al., TPAMI 2017), stage 1 of 3: saliency maps of simple images, which have one class,
# are soft labels of this class and the background. DeepLab v1 LargeFOV on VGG-16, and its fully connected CRF at test
# time. Published, VOC 2012 val and test mIoU after stage 3: 49.8 and 51.2; val after stage 1 44.1 and stage 2 46.3 (not
# verified). Batches of 8, momentum 0.9, weight decay 5e-4, learning rate 1e-3, 1e-2 in the last layer, times 0.1 every
# 6 of 15 epochs: not verified. The paper: 41,625 simple images of Flickr (not verified), saliency by DRFI, which is
# trained on masks of salient objects. Here: the images of train_aug with one class, and saliency without masks.
_base_ = [
    '../_base_/models/fcn32s_vgg16.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/postprocessing/crf_deeplab.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        strides=(2, 2, 2, 1, 1),
        dilations=(1, 1, 1, 1, 2),
        pool_size=3,
        fc_channels=1024,
        fc_kernel_size=3,
        fc_dilations=(12,),
    ),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.LSEAggregationHead',
        in_channels=1024,
        num_classes=21,
        hidden_channels=(),
        kernel_size=1,
        aggregator=dict(type='mmwsl.GlobalMaxPooling'),  # of no loss; for the mAP
        background=dict(type='mmwsl.LearnedBackground'),
        loss_decode=dict(type='mmwsl.SaliencyCrossEntropyLoss'),
    ),
    inference=dict(postprocessors=_base_.postprocessors),
)
augmentation = [
    dict(type='RandomResize', scale=(512, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
]
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.ComputeSaliency', method='geodesic', folder='work_dirs/saliency'),
    dict(type='mmwsl.CalibrateSaliency'),
    dict(type='mmwsl.TransformWithMaps', transforms=augmentation),
    dict(type='PhotoMetricDistortion'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = _base_.test_pipeline[:2] + _base_.test_pipeline[3:]  # the original size
train_dataloader = dict(batch_size=8, dataset=dict(filter_cfg=dict(max_labels=1), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))  # lr=0.01, times 0.1 in the backbone
param_scheduler = [dict(type='MultiStepLR', gamma=0.1, milestones=[4800, 9600], by_epoch=False)]
train_cfg = dict(max_iters=12000)  # 15 epochs of 6400 images
