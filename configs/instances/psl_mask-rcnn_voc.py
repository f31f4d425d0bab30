# Mask R-CNN on instances of pseudo-labels of VOC 2012, trained as the authors of IRN (Ahn et al., CVPR 2019) state for
# theirs: batches of 4, 18 000 iterations, short side 512. They do not say which list they train on; here train_aug.
_base_ = [
    '../_base_/models/mask-rcnn_resnet50.py',
    '../_base_/datasets/voc_instances.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
custom_hooks = [*_base_.custom_hooks, dict(type='mmdet.NumClassCheckHook')]
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=False, milestones=[12000, 16000], gamma=0.1),
]
train_cfg = dict(max_iters=18000)
