# Your own images: a folder of them, and a table `image,labels` (labels separated by spaces; empty is background).
#
#   data/folder/images/*.jpg    data/folder/train.csv    data/folder/val.csv
#
# It evaluates the image-level labels; if you have masks, see wsl_lse_folder_masks.py.
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
        data_prefix=dict(img_path='images'),
    )
)
load_masks = dict(type='LoadAnnotations')
test_pipeline = [step for step in _base_.test_pipeline if step != load_masks]
views = [step for step in _base_.tta_pipeline[-1].transforms if step != [load_masks]]
tta_pipeline = [*_base_.tta_pipeline[:-1], dict(type='TestTimeAug', transforms=views)]
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        metainfo=metainfo,
        ann_file='',
        label_file='val.csv',
        data_prefix=dict(img_path='images', seg_map_path=None),
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmwsl.ImageLabelMetric')
test_evaluator = val_evaluator
