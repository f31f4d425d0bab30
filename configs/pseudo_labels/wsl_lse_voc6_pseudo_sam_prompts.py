# As wsl_lse_voc6_pseudo_sam.py, with masks that SAM (Kirillov et al., ICCV 2023) predicts for peaks and boxes of the
# class maps. The folder is a copy of facebook/sam-vit-base of the Hugging Face Hub.
_base_ = ['../priors/wsl_lse_voc6_seg.py']
tuned_on = 'masks of every fourth image of voc6 train'
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
            dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_pseudo.json'),
            dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
            dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
            # 0.1 is ours, and so are the constants of the prompts, which are the defaults; none is tuned.
            dict(
                type='mmwsl.PromptedRegionVote',
                model=dict(
                    type='mmwsl.SegmentAnything', folder='{{$MMWSL_WEIGHTS_ROOT:weights}}/sam-vit-base', dtype='float32'
                ),
                prompts='both',
                min_precision=0.1,
            ),
        ]
    )
)
