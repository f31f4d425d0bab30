# Point localization on COCO 2014, 80 classes: trained on train2014, evaluated on val2014 with the boxes of its
# annotations. No mask is read. The variant of the average precision in the papers is not verified.
_base_ = ['coco14_classification.py']
val_evaluator = [
    dict(type='mmwsl.ImageLabelMetric', variants=('area', 'all_points')),
    dict(
        type='mmwsl.PointLocalizationMetric',
        annotations='{{$MMWSL_DATA_ROOT:data}}/coco/annotations/instances_val2014.json',
        variants=('area', 'all_points'),
    ),
]
test_evaluator = val_evaluator
