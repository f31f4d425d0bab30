# WeCLIP (Zhang et al., CVPR 2024) on VOC 2012: the decoder of a frozen CLIP ViT-B/16, with labels that CLIP makes
# online. 30 000 iterations in batches of 4, 320 pixels, AdamW with learning rate 2e-4; the decoder guides the labels
# from 15 000 on. The weight decay 0.01 and the polynomial schedule are not verified.
_base_ = ['wsl_clipes_voc.py']
head = _base_.model.decode_head
model = dict(
    _delete_=True,
    type='mmwsl.WeCLIP',
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=dict(type='mmwsl.TransformerBackbone', folder=_base_.folder, layers=list(range(12))),
    decode_head=dict(
        type='mmwsl.WeCLIPHead', in_channels=[768] * 12, channels=256, num_layers=3, num_classes=21, align_corners=False
    ),
    text_head=head,
    label_maps=dict(
        type='mmwsl.CLIPESMaps', box_threshold=0.4, tuned_on='masks of VOC 2012, by the authors of CLIP-ES'
    ),
    affinity_weight=0.1,
    guided_from=15000,
    guided_layers=6,
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
scaled = dict(Resize=dict(scale=(320, 320)))
train_pipeline = [dict(step, **scaled.get(step['type'], {})) for step in _base_.train_pipeline]
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.01))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=30000)]
train_cfg = dict(max_iters=30000, val_interval=5000)
