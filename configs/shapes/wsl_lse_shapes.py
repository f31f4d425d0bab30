_base_ = [
    '../_base_/models/lse_small.py',
    '../_base_/datasets/shapes.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(lr=4e-3))
