# DeepLab v3+ (Chen et al., ECCV 2018) on voc6, fully supervised.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/datasets/voc6_masks.py',
    '../_base_/schedules/adamw_4e.py',
    '../_base_/default_runtime.py',
]
# Crops of images at half to twice their size. A network trained on whole images finds their border, and pseudo-labels
# bias it against objects there.
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale={{_base_.crop_size}}, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size={{_base_.crop_size}}, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
# Images of a class that fewer than one image in six contains (cow, horse, sheep) are repeated: otherwise cows are
# confused with horses.
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ClassBalancedDataset',
        oversample_thr=1 / 6,
        dataset=dict(_base_.train_dataloader.dataset, pipeline=train_pipeline),
    ),
)
tta_model = dict(type='SegTTAModel')
