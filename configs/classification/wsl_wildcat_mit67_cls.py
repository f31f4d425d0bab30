# WILDCAT, MIT Indoor Scenes. Published, over several scales: accuracy 84.0 (WELDON 78.0, SPLeaP 73.5). The classes
# exclude each other: a softmax, whose class 0 has no image.
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/mit67.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        num_classes=68,
        background=dict(_delete_=True, type='mmwsl.LearnedBackground'),
        loss_decode=dict(type='mmwsl.SoftmaxCrossEntropyLoss'),
    )
)
