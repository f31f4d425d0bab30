# STC, stage 3 of 3: simple and complex images, with masks by stage 2: the argmax over background and the classes of the
# image. The simple images are labeled again as well (the paper: not verified).
_base_ = ['psl_stc_voc_enhanced.py']
train_dataloader = dict(dataset=dict(filter_cfg=None))
param_scheduler = [dict(type='MultiStepLR', gamma=0.1, milestones=[8000, 16000], by_epoch=False)]
train_cfg = dict(max_iters=20000)  # 15 epochs of 10 582 images
