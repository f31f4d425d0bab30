# COCO 2017 with image-level labels from the instance annotations. The masks for evaluation are PNG files with the class
# indices 0 to 80 and 255.
_base_ = ['voc.py']
dataset_type = 'mmwsl.COCOWeakDataset'
data_root = '{{$MMWSL_DATA_ROOT:data}}/coco'
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='',
        label_file='annotations/instances_train2017.json',
        data_prefix=dict(img_path='train2017'),
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='',
        label_file='annotations/instances_val2017.json',
        data_prefix=dict(img_path='val2017', seg_map_path='masks/val2017'),
    )
)
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmwsl.ImageLabelMetric'),
    dict(type='mmwsl.PointLocalizationMetric', annotations=f'{data_root}/annotations/instances_val2017.json'),
]
test_evaluator = val_evaluator
