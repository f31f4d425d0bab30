# Boxes from class activation maps: see wsl_gap_voc6_cam_boxes.py. The objects are those of the XML files.
_base_ = ['../pooling/wsl_gap_voc.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps',
            normalization='max',
            background=dict(type='mmwsl.ConstantBackground', threshold=0.2),
        )
    )
)
val_evaluator = _base_.val_evaluator + [
    dict(
        type='mmwsl.BoxLocalizationMetric',
        annotations='{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2012/Annotations',
    )
]
test_evaluator = val_evaluator
