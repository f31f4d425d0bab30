# PASCAL VOC 2012 with masks: the augmented training list needs the masks of SBD, in the folder SegmentationClassAug.
# Training uses crops of images at half to twice their size; testing uses the original size.
_base_ = ['voc.py']
crop_size = (512, 512)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackSegInputsWithMaps'),
]
tta_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (384, 512, 640)],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackSegInputsWithMaps')],
        ],
    ),
]
train_dataloader = dict(
    dataset=dict(
        label_file='',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=dict(label_file='', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
