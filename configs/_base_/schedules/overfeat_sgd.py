# Pinheiro & Collobert, CVPR 2015: SGD, learning rate 0.001 times 0.8 every 5 million images, batches of 16.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=5e-5))
param_scheduler = [dict(type='StepLR', gamma=0.8, step_size=312500, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2500000, val_interval=100000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
log_processor = dict(by_epoch=False)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='mmwsl.MainProcessLoggerHook', interval=100, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='mmwsl.WeightsOnlyCheckpointHook', by_epoch=False, interval=20000, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='mmwsl.WeakSegVisualizationHook'),
)
