# Synthetic shapes dataset: images are rendered on the fly, test images from another seed.
# No flip: patterns have a direction.
dataset_type = 'mmwsl.ShapesDataset'
train_pipeline = [
    dict(type='mmwsl.RenderShapesImage'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.RenderShapesImage'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='mmwsl.RenderShapesMask'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type=dataset_type, length=2000, seed=0, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type=dataset_type, length=300, seed=1, test_mode=True, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
