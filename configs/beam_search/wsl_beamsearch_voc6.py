# Beam search on the features of a classifier: see wsl_beamsearch_voc.py. Uses a checkpoint of wsl_gap_voc6.py.
_base_ = ['../pooling/wsl_gap_voc6.py']
model = dict(inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes', width=3, levels=8)))
val_evaluator = [dict(type='mmwsl.ImageLabelMetric'), dict(type='mmwsl.PointLocalizationMetric', min_area=0.001)]
test_evaluator = val_evaluator
