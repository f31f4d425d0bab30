# Synthetic shapes of which those of a class touch: files of
# python benchmarks/true_instances.py shapes data/shapes_instances
# The training set has instances of the pseudo-labels of a network that was trained on image-level labels, made by
# python tools/generate_pseudo_labels.py configs/instances/wsl_lse_shapes_touching.py CHECKPOINT --format coco-instances
_base_ = []  # without this line, mmengine 0.10.7 takes a file with an import for a config in its lazy style
import os  # noqa: E402

data_root = '{{$MMWSL_DATA_ROOT:data}}/shapes_instances'
dataset_type = 'mmdet.CocoDataset'
metainfo = dict(classes=('circle', 'square', 'triangle', 'star', 'ring', 'cross'))
train_pipeline = [  # no flip: patterns have a direction
    dict(type='mmdet.LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='mmdet.Resize', scale=(96, 96), keep_ratio=True),
    dict(type='mmdet.PackDetInputs'),
]
test_pipeline = [
    dict(type='mmdet.LoadImageFromFile'),
    dict(type='mmdet.Resize', scale=(96, 96), keep_ratio=True),
    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        metainfo=metainfo,
        data_root=data_root,
        ann_file=os.path.abspath('{{$MMWSL_PSEUDO_LABELS:work_dirs/pseudo_labels}}/coco-instances/annotations.json'),
        data_prefix=dict(img='train/images/'),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        metainfo=metainfo,
        data_root=data_root,
        ann_file='val/annotations.json',
        data_prefix=dict(img='val/images/'),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
ann_file = f'{data_root}/val/annotations.json'
val_evaluator = [dict(type='mmwsl.InstanceMaskMetric', annotations=ann_file)]
test_evaluator = val_evaluator
