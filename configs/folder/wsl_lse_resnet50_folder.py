# Your own images on a GPU: ResNet-50, fine-tuned. The number of iterations is that of a project.
_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/folder.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=3),
    inference=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]),
)
optim_wrapper = dict(optimizer=dict(lr=5e-4), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
