# CCNN (Pathak et al., ICCV 2015) with size labels: one more bit per present class, whether it covers more than 10% of
# the image. A large class then gets at least 10%, a small one at most 1%. The bits are computed from the boxes of the
# XML files, which are used for nothing else; a table can contain them as well. This is more supervision than
# image-level labels, so compare it only with results that use size labels. Background of 20% to 70% and hardness 1000
# as in one commit of the authors' source, whose large objects also have a hard lower bound of 10%: here it is soft,
# with slack 2 as the others.
_base_ = ['wsl_ccnn_voc.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(
            background_area=(0.2, 0.7), foreground_area=0.1, large_area=0.1, small_area=0.01, hardness=1000.0
        )
    )
)
train_dataloader = dict(dataset=dict(large_area=0.1))
