_base_ = [
    '../_base_/models/lse_efficientnet-lite0.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
