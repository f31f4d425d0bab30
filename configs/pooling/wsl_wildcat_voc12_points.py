# WILDCAT at seven scales, points on VOC 2012: see wsl_wildcat_voc_ms.py. Published: point mAP 82.9.
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/voc12_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(aggregator=dict(kmax=0.102, kmin=0.102)),
    inference=dict(
        scorer=dict(
            type='mmwsl.MultiScaleScorer',
            scales=[side / 448 for side in (224, 280, 320, 374, 448, 560, 747)],
            merge='mean',
        )
    ),
)
