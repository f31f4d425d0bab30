# As wsl_lse_voc6_pseudo_regions.py, with the masks of SAM (Kirillov et al., ICCV 2023) as regions. Write them once:
# python tools/sam_masks.py data/voc6/JPEGImages --model weights/sam-vit-base --out data/sam_masks
_base_ = ['../priors/wsl_lse_voc6_seg.py', '../_base_/postprocessing/voc6_pseudo_labels.py']
sam = dict(type='mmwsl.FolderProposals', folder='{{$MMWSL_DATA_ROOT:data}}/sam_masks')
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.voc6_pseudo_labels,
            # A mask of the whole image would cover every class; 0.1 is ours, and not tuned.
            dict(type='mmwsl.RegionVote', min_precision=0.1),
        ]
    )
)
regions = [dict(type='mmwsl.ComputeRegions', source=sam)]
test_pipeline = _base_.test_pipeline[:1] + regions + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + regions + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
