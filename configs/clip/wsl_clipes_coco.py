# CLIP-ES (Lin et al., CVPR 2023) on COCO: see wsl_clipes_voc.py. The box threshold and the texts are the authors' for
# COCO, where they leave out the words 'keyboard' and 'sign' for the background; they spell 'snowboard' as 'sknowboard'.
# They use COCO 2014, here it is COCO 2017.
_base_ = [
    '../_base_/models/clip_es.py',
    '../_base_/prompts/clip_es_voc.py',
    '../_base_/datasets/coco.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        num_classes=81,
        class_names=[
            *('person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat'),
            *('traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog'),
            *('horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe', 'backpack', 'umbrella', 'handbag'),
            *('tie', 'suitcase', 'frisbee', 'skis', 'snowboard', 'sports ball', 'kite', 'baseball bat'),
            *('baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle', 'wine glass', 'cup', 'fork'),
            *('knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange', 'broccoli', 'carrot', 'hot dog'),
            *('pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table', 'toilet', 'tv'),
            *('laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink'),
            *('refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush'),
        ],
        prompts={
            'person': _base_.class_prompts['person'],
            'motorcycle': 'motorbike',
            'airplane': 'aeroplane',
            'bird': 'bird avian',
            'backpack': 'backpack,bag',
            'umbrella': 'umbrella,parasol',
            'handbag': 'handbag,purse',
            'tie': 'necktie',
            'baseball glove': 'glove',
            'spoon': 'dessertspoon',
            'chair': 'chair seat',
            'couch': 'sofa',
            'potted plant': 'pottedplant',
            'dining table': 'diningtable',
            'tv': 'tvmonitor screen',
            'remote': 'remote control',
            'hair drier': 'hairdrier,blowdrier',
        },
        background_prompts=[word for word in _base_.background_prompts if word not in ('keyboard', 'sign')],
        templates=_base_.templates,
    ),
    inference=dict(class_maps=dict(box_threshold=0.7, tuned_on='masks of COCO, by the authors of CLIP-ES')),
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
