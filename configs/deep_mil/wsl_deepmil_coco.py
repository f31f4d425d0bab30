# Deep MIL on COCO 2014: trained on train2014, evaluated on val2014 with the boxes of its annotations. No mask is read.
# 80 000 iterations, as in the other configs of COCO.
_base_ = ['wsl_deepmil_voc.py']
data_root = '{{$MMWSL_DATA_ROOT:data}}/coco'
dataset = dict(_delete_=True, type='mmwsl.COCOWeakDataset', data_root=data_root)
model = dict(decode_head=dict(num_classes=81, loss_decode=dict(loss_weight=80.0)))  # the sum over 80 classes
train_dataloader = dict(
    dataset=dict(
        dataset,
        label_file='annotations/instances_train2014.json',
        data_prefix=dict(img_path='train2014'),
        pipeline=_base_.train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        dataset,
        label_file='annotations/instances_val2014.json',
        data_prefix=dict(img_path='val2014'),
        test_mode=True,
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='mmwsl.ImageLabelMetric', variants=('area', 'all_points')),
    dict(
        type='mmwsl.PointLocalizationMetric',
        annotations=f'{data_root}/annotations/instances_val2014.json',
        variants=('area', 'all_points'),
    ),
]
test_evaluator = val_evaluator
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=500),
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=500, end=80000),
]
train_cfg = dict(max_iters=80000, val_interval=8000)
