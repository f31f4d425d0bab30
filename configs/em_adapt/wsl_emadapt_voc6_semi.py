# EM-Adapt with 437 masks in addition to the image-level labels, on voc6: the images of train.txt have masks, the other
# 2694 of train_aug.txt have image-level labels. No other mask is opened. See wsl_emadapt_voc_semi.py; train
# wsl_lse_voc6.py first.
_base_ = ['wsl_emadapt_voc6.py']
masked_list = 'ImageSets/Segmentation/train.txt'
masked = dict(
    type=_base_.dataset_type,
    data_root=_base_.data_root,
    ann_file=masked_list,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    pipeline=_base_.train_pipeline[:1]
    + [dict(type='LoadAnnotations')]
    + _base_.train_pipeline[1:-1]
    + [dict(type='PackSegInputs')],
)
labeled = dict(_base_.train_dataloader.dataset, filter_cfg=dict(exclude_file=masked_list))
train_dataloader = dict(dataset=dict(_delete_=True, type='ConcatDataset', datasets=[masked, labeled]))
