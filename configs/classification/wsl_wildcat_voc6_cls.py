# WILDCAT on voc6, evaluated as a classifier: mAP in three variants, no mask is opened.
_base_ = ['../pooling/wsl_wildcat_voc6.py']
load_masks = dict(type='LoadAnnotations')
test_pipeline = [step for step in _base_.test_pipeline if step != load_masks]
views = [step for step in _base_.tta_pipeline[-1].transforms if step != [load_masks]]
tta_pipeline = [*_base_.tta_pipeline[:-1], dict(type='TestTimeAug', transforms=views)]
val_dataloader = dict(dataset=dict(data_prefix=dict(seg_map_path=None), pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmwsl.ImageLabelMetric', variants=('area', 'all_points', '11point'))
test_evaluator = val_evaluator
