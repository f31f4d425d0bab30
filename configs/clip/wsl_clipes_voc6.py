# CLIP-ES on voc6: see wsl_clipes_voc.py. The texts of its six classes, and the same words for the background.
_base_ = [
    '../_base_/models/clip_es.py',
    '../_base_/prompts/clip_es_voc.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        num_classes=7,
        class_names=['cat', 'cow', 'dog', 'horse', 'person', 'sheep'],
        prompts=dict(person=_base_.class_prompts['person']),
        background_prompts=_base_.background_prompts,
        templates=_base_.templates,
    )
)
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='ResizeToMultiple', size_divisor=16, interpolation='bicubic'),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
