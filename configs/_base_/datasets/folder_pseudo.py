# Your own images with the pseudo-labels of tools/generate_pseudo_labels.py, in crops of images at half to twice their
# size: a network trained on whole images finds their border, and pseudo-labels bias it against objects there.
_base_ = ['folder.py']
crop_size = (320, 320)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsl.MarkInvisibleLabelsUnknown'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='mmwsl.PackSegInputsWithMaps'),
]
tta_pipeline = [
    *test_pipeline[:2],
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (240, 320, 400)],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='mmwsl.PackSegInputsWithMaps')],
        ],
    ),
]
train_dataloader = dict(dataset=dict(data_prefix=dict(seg_map_path='../pseudo_labels/masks'), pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = []
# There are no masks to compare with: only trained, not validated.
val_dataloader = None
val_evaluator = None
