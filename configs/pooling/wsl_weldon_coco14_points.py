# WELDON at eight scales, points on COCO 2014: see wsl_weldon_voc_ms.py. No points of WELDON are published.
_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/coco14_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(num_classes=81, aggregator=dict(_delete_=True, type='mmwsl.WELDONPooling', kmax=3, kmin=3)),
    inference=dict(
        scorer=dict(
            type='mmwsl.MultiScaleScorer',
            scales=[side / 448 for side in (224, 249, 280, 320, 374, 448, 560, 747)],
            merge='mean',
        )
    ),
)
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=80000)]
train_cfg = dict(max_iters=80000, val_interval=8000)
