# wsl_lse_folder.py with masks for the images of val.csv: data/folder/masks/*.png, whose pixels are indices into
# `classes`. It also evaluates the masks.
_base_ = ['wsl_lse_folder.py']
load_masks = _base_.load_masks
steps = _base_.test_pipeline
views = _base_.views
tta_pipeline = [
    *_base_.tta_pipeline[:-1],
    dict(type='TestTimeAug', transforms=[*views[:-1], [load_masks], views[-1]]),
]
test_pipeline = [*steps[:-1], load_masks, steps[-1]]
val_dataloader = dict(dataset=dict(data_prefix=dict(seg_map_path='masks'), pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [
    dict(type='IoUMetric', iou_metrics=['mIoU']),
    dict(type='mmwsl.ImageLabelMetric'),
]
test_evaluator = val_evaluator
