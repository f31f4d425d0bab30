# 15-Scene (Lazebnik et al., CVPR 2006): one folder per class, 100 random training images per class, the other images
# for evaluation. The published value is mean_class_accuracy, averaged over several splits: change `seed` in both parts.
# The names of the folders are not verified; the classes are their sorted names. Gray images get 3 equal channels.
_base_ = ['mit67.py']
metainfo = dict(
    classes=tuple(
        'background CALsuburb MITcoast MITforest MIThighway MITinsidecity MITmountain MITopencountry MITstreet '
        'MITtallbuilding PARoffice bedroom industrial kitchen livingroom store'.split()
    )
)
per_class = dict(count=100, seed=0)
dataset = dict(
    data_root='{{$MMWSL_DATA_ROOT:data}}/scene15', data_prefix=dict(img_path=''), ann_file='', metainfo=metainfo
)
train_dataloader = dict(dataset=dict(dataset, filter_cfg=dict(per_class=per_class)))
val_dataloader = dict(dataset=dict(dataset, filter_cfg=dict(per_class=dict(per_class, rest=True))))
test_dataloader = val_dataloader
