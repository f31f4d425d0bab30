# CLIP-ES on your own images, in the layout of ../_base_/datasets/folder.py: a folder of images and a table of their
# labels. Change the names of the classes, and the words for the background to what your images show.
_base_ = [
    '../_base_/models/clip_es.py',
    '../_base_/prompts/clip_es_voc.py',
    '../_base_/datasets/folder.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        num_classes=3,  # background included
        class_names=['cat', 'dog'],
        background_prompts=_base_.background_prompts,
        templates=_base_.templates,
    )
)
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='ResizeToMultiple', size_divisor=16, interpolation='bicubic'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
