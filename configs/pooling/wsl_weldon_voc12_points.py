# WELDON at eight scales, points on VOC 2012: see wsl_weldon_voc_ms.py. No points of WELDON are published.
_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/voc12_points.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.WELDONPooling', kmax=3, kmin=3)),
    inference=dict(
        scorer=dict(
            type='mmwsl.MultiScaleScorer',
            scales=[side / 448 for side in (224, 249, 280, 320, 374, 448, 560, 747)],
            merge='mean',
        )
    ),
)
