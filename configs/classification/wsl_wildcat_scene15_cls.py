# WILDCAT, 15-Scene. Published, over several scales: mean per-class accuracy 94.4 (WELDON 94.3). A softmax, see
# wsl_wildcat_mit67_cls.py.
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/scene15.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        num_classes=16,
        background=dict(_delete_=True, type='mmwsl.LearnedBackground'),
        loss_decode=dict(type='mmwsl.SoftmaxCrossEntropyLoss'),
    )
)
