# Six classes of PASCAL VOC 2012 (cat, cow, dog, horse, person, sheep), in the layout of the VOC devkit.
dataset_type = 'mmwsl.VOC6Dataset'
data_root = '{{$MMWSL_DATA_ROOT:data}}/voc6'
size = (448, 448)
train_pipeline = [  # nothing random: the features of a picture are computed once, see mmwsl.CachedBackbone
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='mmwsl.PackImageLabelInputs', background='unknown'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs', background='unknown'),
]
tta_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (336, 448, 560)],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0., 1.)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs', background='unknown')],
        ]),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='ImageSets/Segmentation/train_aug.txt',
        label_file='image_labels.csv',
        data_prefix=dict(img_path='JPEGImages'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='ImageSets/Segmentation/val.txt',
        label_file='image_labels.csv',
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmwsl.ImageLabelMetric'),
    dict(type='mmwsl.ThresholdIoUMetric'),
]
test_evaluator = val_evaluator
