# PASCAL VOC 2012 with instances. Those of val are made by
# python benchmarks/true_instances.py voc data/VOCdevkit/VOC2012 data/VOCdevkit/instances
# and those of the training set, from pseudo-labels, by
# python tools/generate_pseudo_labels.py configs/pseudo_labels/wsl_lse_voc_pseudo.py CHECKPOINT --format coco-instances
_base_ = ['shapes_instances.py']
import os  # noqa: E402

data_root = '{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2012'
metainfo = dict(
    classes=(
        'aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant '
        'sheep sofa train tvmonitor'
    ).split()
)
short_side = dict(type='mmdet.Resize', scale=(800, 512), keep_ratio=True)
train_pipeline = [
    dict(type='mmdet.LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True),
    short_side,
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.PackDetInputs'),
]
test_pipeline = [
    dict(type='mmdet.LoadImageFromFile'),
    short_side,
    dict(type='mmdet.PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(metainfo=metainfo, data_root=data_root, data_prefix=dict(img='JPEGImages/'), pipeline=train_pipeline),
)
ann_file = os.path.abspath('{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/instances/val/annotations.json')
val_dataloader = dict(
    num_workers=4,
    dataset=dict(
        metainfo=metainfo,
        data_root=data_root,
        ann_file=ann_file,
        data_prefix=dict(img='JPEGImages/'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='mmwsl.InstanceMaskMetric', annotations=ann_file)]
test_evaluator = val_evaluator
