# STC, stage 3 of 3 on voc6: see psl_stc_voc_powerful.py.
_base_ = ['psl_stc_voc6_enhanced.py']
train_dataloader = dict(dataset=dict(filter_cfg=None))
