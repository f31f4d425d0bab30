# Your own pictures: a folder of them, and a table `image,labels` (labels separated by spaces; empty is background).
#
#   data/folder/pictures/*.jpg    data/folder/train.csv    data/folder/val.csv    data/folder/masks/*.png
#
# The masks, with the index of the class in `classes`, are for evaluation only; without them, evaluate the tags alone:
# leave `seg_map_path`, LoadAnnotations and IoUMetric out.
_base_ = ['voc.py']
dataset_type = 'mmwsl.FolderWeakDataset'
data_root = '{{$MMWSL_DATA_ROOT:data}}/folder'
metainfo = dict(classes=('background', 'cat', 'dog'))
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='',
        label_file='train.csv',
        data_prefix=dict(img_path='pictures')))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='',
        label_file='val.csv',
        data_prefix=dict(img_path='pictures', seg_map_path='masks')))
test_dataloader = val_dataloader
val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
