# SP-seg with the region tree scored by a network that is trained on masks of cat, cow and dog: only horse, person and
# sheep are classes without masks. The folder is made by `mmwsl predict configs/objectness/fsl_objectness_voc6.py IMAGES
# --checkpoint CHECKPOINT --scores --out work_dirs/objectness`. The thresholds are those of the tree alone.
_base_ = ['../priors/wsl_lse_voc6_seg.py']
maps = [
    dict(type='mmwsl.LoadObjectness', folder='{{$MMWSL_OBJECTNESS:work_dirs/objectness}}/scores', suffix='.npz'),
    dict(type='mmwsl.ComputeObjectness', kind='mask', source=dict(type='mmwsl.RegionTree', objectness='objectness')),
]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[2:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[2:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
