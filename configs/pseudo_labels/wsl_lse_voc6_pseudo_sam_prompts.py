# As wsl_lse_voc6_pseudo_sam.py, with masks that SAM (Kirillov et al., ICCV 2023) predicts for peaks and boxes of the
# class maps. The folder is a copy of facebook/sam-vit-base of the Hugging Face Hub.
_base_ = ['../priors/wsl_lse_voc6_seg.py', '../_base_/postprocessing/voc6_pseudo_labels.py']
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.voc6_pseudo_labels,
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
