# Classification on PASCAL VOC 2007: trained on trainval, evaluated on test, without masks. A class of which an image
# has difficult objects only (label 0) is present in training, as in the public code of WILDCAT, and skipped in
# evaluation, as in VOC's. The official AP is mAP_11point; the metric names each variant. Images are warped to a square
# and flipped, as in that code.
dataset_type = 'mmwsl.VOCWeakDataset'
data_root = '{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2007'
crop_size = (448, 448)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=False),
    dict(type='mmwsl.PackImageLabelInputs'),
]
tta_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=crop_size, keep_ratio=False)],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='mmwsl.PackImageLabelInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        label_file='ImageSets/Main',
        label_split='trainval',
        data_prefix=dict(img_path='JPEGImages'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        label_file='ImageSets/Main',
        label_split='test',
        difficult='unknown',
        data_prefix=dict(img_path='JPEGImages'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='mmwsl.ImageLabelMetric', variants=('area', 'all_points', '11point'))
test_evaluator = val_evaluator
