# COCO 2017 with the light network of wsl_lse_voc6.py: nothing random, so that the features are computed once.
_base_ = [
    '../_base_/models/lse_mobilenet-v2.py',
    '../_base_/datasets/coco.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(num_classes=81))
train_pipeline = [_base_.train_pipeline[index] for index in (0, 1, 4)]
train_dataloader = dict(
    num_workers=2, sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(pipeline=train_pipeline)
)
