# Six classes of PASCAL VOC 2012 (cat, cow, dog, horse, person, sheep), in the layout of the VOC devkit.
_base_ = ['voc.py']
dataset_type = 'mmwsl.VOC6WeakDataset'
data_root = '{{$MMWSL_DATA_ROOT:data}}/voc6'
train_pipeline = [  # nothing random: the features of an image are computed once, see mmwsl.CachedBackbone
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale={{_base_.crop_size}}, keep_ratio=True),
    dict(type='mmwsl.PackImageLabelInputs'),
]
train_dataloader = dict(
    num_workers=2,
    sampler=dict(type='DefaultSampler'),
    dataset=dict(type=dataset_type, data_root=data_root, label_file='image_labels.csv', pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        label_file='image_labels.csv',
        data_prefix=dict(seg_map_path='SegmentationClassAug'),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmwsl.ImageLabelMetric'),
    dict(type='mmwsl.ThresholdIoUMetric'),
    dict(type='mmwsl.PointLocalizationMetric'),
]
test_evaluator = val_evaluator
