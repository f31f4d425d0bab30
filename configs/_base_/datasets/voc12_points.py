# Point localization on PASCAL VOC 2012: the images of the classification task, trained on train, evaluated on val with
# the boxes of the XML files. No mask is read. The variant of the average precision in the papers is not verified.
_base_ = ['voc12_classification.py']
val_evaluator = [
    dict(type='mmwsl.ImageLabelMetric', variants=('area', 'all_points')),
    dict(
        type='mmwsl.PointLocalizationMetric',
        annotations='{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2012/Annotations',
        variants=('area', 'all_points'),
    ),
]
test_evaluator = val_evaluator
