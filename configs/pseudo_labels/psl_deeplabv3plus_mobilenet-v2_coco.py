# DeepLab v3+ on pseudo-labels of COCO 2017, with the network and the crops of psl_deeplabv3plus_voc6.py.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/datasets/coco_masks.py',
    '../_base_/datasets/coco_pseudo.py',
    '../_base_/schedules/adamw_4e.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(decode_head=dict(num_classes=81))
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
resize = dict(type='Resize', scale=crop_size, keep_ratio=True)
test_pipeline = _base_.test_pipeline[:2] + [resize] + _base_.test_pipeline[2:]
train_dataloader = dict(
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(_base_.pseudo_labels, pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
tta_model = dict(type='SegTTAModel')
