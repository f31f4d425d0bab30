# COCO 2017 with masks: python tools/coco_masks.py data/coco/annotations/instances_train2017.json \
#     --out data/coco/masks/train2017, and the same for val2017.
_base_ = ['voc_masks.py']
dataset_type = 'mmwsl.COCOWeakDataset'
data_root = '{{$MMWSL_DATA_ROOT:data}}/coco'
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='',
        data_prefix=dict(img_path='train2017', seg_map_path='masks/train2017'),
    )
)
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='',
        data_prefix=dict(img_path='val2017', seg_map_path='masks/val2017'),
    )
)
test_dataloader = val_dataloader
