# As wsl_lse_voc6_pseudo_regions.py, with the masks of SAM (Kirillov et al., ICCV 2023) as regions. Write them once:
# python tools/sam_masks.py data/voc6/JPEGImages --model weights/sam-vit-base --out data/sam_masks
_base_ = ['../priors/wsl_lse_voc6_seg.py']
tuned_on = 'masks of every fourth image of voc6 train'
sam = dict(type='mmwsl.FolderProposals', folder='{{$MMWSL_DATA_ROOT:data}}/sam_masks')
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
            dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_pseudo.json'),
            dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
            dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
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
