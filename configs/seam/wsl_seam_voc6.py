# SEAM (Wang et al., CVPR 2020) on the frozen MobileNetV2 of wsl_gap_voc6.py; the stages of 96 and 320 channels and the
# colors are correlated. Optimizer and length are those of voc6.
_base_ = ['../cam/wsl_gap_voc6_cam.py']
model = dict(
    type='mmwsl.SEAM',
    backbone=dict(backbone=dict(out_indices=(4, 6))),
    decode_head=dict(type='mmwsl.SEAMHead', correlation_in_index=(0, 1), correlation_in_channels=(96, 320)),
)
