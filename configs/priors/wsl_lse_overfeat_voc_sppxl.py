# Pinheiro & Collobert (CVPR 2015), Table 4, base + ILP + SP-sppxl. Published, VOC 2012 val: mIoU 36.6, test 35.8.
_base_ = ['wsl_lse_overfeat_voc_ilp.py']
model = dict(inference=dict(postprocessors=_base_.model.inference.postprocessors + [dict(type='mmwsl.SuperpixelVote')]))
maps = [dict(type='mmwsl.ComputeSuperpixels')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
