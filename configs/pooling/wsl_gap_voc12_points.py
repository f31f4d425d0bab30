# Global average pooling, points on VOC 2012. Beam search uses its checkpoint.
_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/voc12_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')))
