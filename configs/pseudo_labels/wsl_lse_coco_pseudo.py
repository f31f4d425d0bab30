# For tools/generate_pseudo_labels.py: as wsl_lse_voc_pseudo.py, on COCO 2017.
_base_ = ['../lse/wsl_lse_coco.py', '../_base_/postprocessing/pseudo_labels.py']
model = dict(inference=dict(postprocessors=_base_.pseudo_labels_chain))
maps = [dict(type='mmwsl.ComputeObjectness', kind='mask')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
