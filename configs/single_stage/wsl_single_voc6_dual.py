# Two networks without shared weights, each trained on the labels of the other, and their features pushed apart, weight
# 0.1 as in DuPL (Wu et al., CVPR 2024). As there, the networks label the pixels themselves, without a moving average.
_base_ = ['wsl_single_voc6.py']
model = dict(type='mmwsl.DualStudentSegmentor', momentum=1.0, discrepancy_weight=0.1)
