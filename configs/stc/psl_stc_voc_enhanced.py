# STC, stage 2 of 3: the cross-entropy of masks of the simple images. The masks are the argmax of stage 1 over the
# background and the class of the image. Starts from ImageNet weights, as all stages here (the paper: not verified). An
# image whose mask has no pixel of its class is ignored: our choice.
_base_ = ['wsl_stc_voc_initial.py', '../_base_/datasets/voc_pseudo.py']
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.IgnoreEmptyMasks'),
    *_base_.augmentation,
    dict(type='PhotoMetricDistortion'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
train_dataloader = dict(dataset=dict(_base_.pseudo_labels, pipeline=train_pipeline))
val_evaluator = _base_.val_evaluator[:1]
test_evaluator = val_evaluator
