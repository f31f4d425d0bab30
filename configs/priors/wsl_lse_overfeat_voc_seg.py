# Pinheiro & Collobert (CVPR 2015), Table 4, base + ILP + SP-seg. Published, VOC 2012 val: mIoU 42.0, test 40.6.
# The paper computes masks with MCG, which is trained on masks; the thresholds of the classes are not in the paper.
_base_ = ['../lse/wsl_lse_overfeat_voc.py', '../_base_/postprocessing/objectness.py']
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.objectness,
            dict(type='mmwsl.ClassThresholds', thresholds=0.2, tuned_on='masks of voc6 train'),
        ]
    )
)
maps = [dict(type='mmwsl.ComputeObjectness', kind='mask')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
