# The image-level prior, then a majority vote over superpixels (SP-sppxl of Pinheiro & Collobert).
_base_ = ['wsl_lse_voc6_ilp.py']
model = dict(inference=dict(postprocessors=_base_.model.inference.postprocessors + [dict(type='mmwsl.SuperpixelVote')]))
maps = [dict(type='mmwsl.ComputeSuperpixels')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
