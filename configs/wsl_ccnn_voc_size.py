# CCNN (Pathak et al., ICCV 2015) with size tags: one more bit for each class present, whether it takes more than 10 %
# of the image. A large one then gets at least 10 %, a small one at most 1 %. The bits are read off the boxes of the
# XML files, which are used for nothing else; a table of tags can say them as well. That is more supervision than tags,
# and compares with no number that used tags alone. Background of 20 to 70 % and hardness 1000 as in one commit of the
# authors' source, whose large objects also have a hard lower bound of 10 %: here it is soft, of slack 2 as the others.
_base_ = ['wsl_ccnn_voc.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(
            background_area=(0.2, 0.7), foreground_area=0.1, large_area=0.1, small_area=0.01, hardness=1000.0
        )
    )
)
train_dataloader = dict(dataset=dict(large_area=0.1))
