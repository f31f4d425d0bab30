# Both thresholds of each class come from three Gaussians of its scores (CoSA, Yang et al., ECCV 2024); the released
# runs of CoSA used fixed thresholds. Per class, and a memory of 200 images: ours.
_base_ = ['wsl_single_voc6.py']
model = dict(labeler=dict(type='mmwsl.MixtureLabeler'))
