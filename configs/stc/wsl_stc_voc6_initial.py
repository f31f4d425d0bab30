# STC, stage 1 of 3 on voc6 (see wsl_stc_voc_initial.py): the light network of wsl_lse_voc6.py, images of at most 320
# pixels. No image is labeled with person alone, so stages 1 and 2 are not trained on this class.
_base_ = [
    '../_base_/models/lse_mobilenet-v2.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_3e.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(
        aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling'),
        background=dict(_delete_=True, type='mmwsl.LearnedBackground'),
        loss_decode=dict(_delete_=True, type='mmwsl.SaliencyCrossEntropyLoss'),
    ),
)
resize = dict(type='Resize', scale=crop_size, keep_ratio=True)
train_pipeline = [  # nothing random: the features of an image are computed once, see mmwsl.CachedBackbone
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.ComputeSaliency', method='geodesic', folder='work_dirs/saliency'),
    dict(type='mmwsl.CalibrateSaliency'),
    dict(type='mmwsl.TransformWithMaps', transforms=[resize]),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = _base_.test_pipeline[:2] + [resize] + _base_.test_pipeline[3:]
train_dataloader = dict(dataset=dict(filter_cfg=dict(max_labels=1), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='IoUMetric', iou_metrics=['mIoU']), dict(type='mmwsl.ImageLabelMetric')]
test_evaluator = val_evaluator
