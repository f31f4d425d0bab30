# EM-Adapt with 1464 masks in addition to the image-level labels (Papandreou et al., ICCV 2015): the images of VOC's
# train.txt have masks, the other 9118 of train_aug.txt have image-level labels. No other mask is opened. Published,
# VGG-16 and a CRF at test time: mIoU 64.6 on VOC 2012 val, 62.5 with the 1464 masks alone.
_base_ = ['wsl_emadapt_voc.py']
masked_list = 'ImageSets/Segmentation/train.txt'
masked = dict(
    type=_base_.dataset_type,
    data_root=_base_.data_root,
    ann_file=masked_list,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
    pipeline=_base_.train_pipeline[:1]
    + [dict(type='LoadAnnotations')]
    + _base_.train_pipeline[1:-1]
    + [dict(type='PackSegInputs')],
)
labeled = dict(_base_.train_dataloader.dataset, filter_cfg=dict(exclude_file=masked_list))
train_dataloader = dict(dataset=dict(_delete_=True, type='ConcatDataset', datasets=[masked, labeled]))
