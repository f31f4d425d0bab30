# STC, stage 2 of 3 on voc6: see psl_stc_voc_enhanced.py.
_base_ = ['wsl_stc_voc6_initial.py', '../_base_/datasets/voc6_pseudo.py']
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.IgnoreEmptyMasks'),
    {{_base_.resize}},
    dict(type='mmwsl.PackImageLabelInputs'),
]
train_dataloader = dict(dataset=dict(_base_.pseudo_labels, pipeline=train_pipeline))
val_evaluator = _base_.val_evaluator[:1]
test_evaluator = val_evaluator
