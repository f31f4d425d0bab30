# Your own images on a CPU: a frozen EfficientNet-Lite2 whose features are computed once for each image and its mirror
# image.
_base_ = [
    '../_base_/models/lse_efficientnet-lite2.py',
    '../_base_/datasets/folder.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale={{_base_.crop_size}}, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsl.PackImageLabelInputs'),
]
model = dict(
    decode_head=dict(num_classes=3),
    inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]),
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
