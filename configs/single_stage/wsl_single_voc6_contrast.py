# The contrast of patch tokens (ToCo, Ru et al., CVPR 2023), weight 0.2 as there, on the feature map of stride 16: a CNN
# has no tokens. The labels are those of the segmentation head; ToCo has a second classifier for them.
_base_ = ['wsl_single_voc6.py']
model = dict(contrast=dict(type='mmwsl.PatchTokenContrastLoss', loss_weight=0.2))
