_base_ = [
    '../_base_/models/lse_mobilenet-v2.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
