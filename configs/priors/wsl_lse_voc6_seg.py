# The image-level prior, and objectness by masks (SP-seg of Pinheiro & Collobert).
_base_ = ['../lse/wsl_lse_voc6.py', '../_base_/postprocessing/objectness.py']
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.objectness,
            dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_seg.json'),
        ]
    )
)
maps = [dict(type='mmwsl.ComputeObjectness', kind='mask')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
