# Beam search on the features of a classifier (Bency et al., ECCV 2016), points on COCO 2014: uses a checkpoint of
# wsl_gap_coco14_points.py, see wsl_beamsearch_voc.py. Published: point mAP 49.2.
_base_ = ['../pooling/wsl_gap_coco14_points.py']
model = dict(inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes', width=3, levels=8)))
