# As wsl_lse_voc6_pseudo.py, then regions vote on the mask with the rule of SEPL (Chen et al., 2023). The regions are
# superpixels. wsl_lse_voc6_pseudo_sam.py has masks of SAM from a folder; those of a detector are read in the same way.
_base_ = ['../priors/wsl_lse_voc6_seg.py', '../_base_/postprocessing/voc6_pseudo_labels.py']
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.voc6_pseudo_labels,
            dict(type='mmwsl.RegionVote', field='superpixels'),
        ]
    )
)
# The objectness uses the same superpixels.
regions = [dict(type='mmwsl.ComputeSuperpixels')]
test_pipeline = _base_.test_pipeline[:1] + regions + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + regions + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
