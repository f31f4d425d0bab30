# Level 1 of ProNet (Sun et al., CVPR 2016). The number of scales, r and the network are not verified in the paper.
_base_ = [
    '../_base_/models/pronet_level1.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
