# CLIP-ES (Lin et al., CVPR 2023) on VOC 2012: pseudo-labels by a frozen CLIP and image-level labels, without training.
# Images keep their size, rounded up to whole patches. The runner asks for a schedule; it is not used.
_base_ = [
    '../_base_/models/clip_es.py',
    '../_base_/prompts/clip_es_voc.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        num_classes=21,
        class_names=[
            'aeroplane',
            'bicycle',
            'bird',
            'boat',
            'bottle',
            'bus',
            'car',
            'cat',
            'chair',
            'cow',
            'diningtable',
            'dog',
            'horse',
            'motorbike',
            'person',
            'pottedplant',
            'sheep',
            'sofa',
            'train',
            'tvmonitor',
        ],
        prompts=_base_.class_prompts,
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
