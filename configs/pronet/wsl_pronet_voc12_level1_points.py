# Level 1 of ProNet, points on VOC 2012: see wsl_pronet_voc_level1.py.
_base_ = [
    '../_base_/models/pronet_level1.py',
    '../_base_/datasets/voc12_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
