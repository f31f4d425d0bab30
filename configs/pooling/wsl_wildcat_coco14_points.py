# WILDCAT at seven scales, points on COCO 2014: see wsl_wildcat_voc_ms.py. Published: point mAP 53.4.
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/coco14_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=81, aggregator=dict(kmax=0.102, kmin=0.102)),
    inference=dict(
        scorer=dict(
            type='mmwsl.MultiScaleScorer',
            scales=[side / 448 for side in (224, 280, 320, 374, 448, 560, 747)],
            merge='mean',
        )
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=80000)]
train_cfg = dict(max_iters=80000, val_interval=8000)
