# Beam search on the features of a classifier (Bency et al., ECCV 2016), points on VOC 2012: uses a checkpoint of
# wsl_gap_voc12_points.py, see wsl_beamsearch_voc.py. Published: point mAP 79.7, classification mAP 86.5.
_base_ = ['../pooling/wsl_gap_voc12_points.py']
model = dict(inference=dict(class_maps=dict(type='mmwsl.BeamSearchBoxes', width=3, levels=8)))
