# WeakTr (Zhu et al., 2023) on VOC 2012: DeiT-S, 224 pixels, 60 epochs in batches of 64, AdamW with learning rate 6e-4
# and weight decay 0.03, scales 1 and 1.2. The scaling of the learning rate by 64/512, the warm-up and the cosine are
# those of DeiT, and not verified. The background threshold 0.43 is published; the authors chose it with masks.
_base_ = ['wsl_mctformer_voc.py']
side = (224, 224)
model = dict(
    data_preprocessor=dict(size=side),
    backbone=dict(attention='heads'),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.WeakTrHead',
        in_channels=384,
        num_classes=21,
        hidden_channels=(),
        kernel_size=3,
        num_layers=12,
        num_heads=6,
        reduction=8,
        aggregator=dict(type='mmwsl.GlobalAveragePooling'),
        background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
        loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
    ),
    inference=dict(
        class_maps=dict(background=dict(threshold=0.43), tuned_on='masks of VOC 2012 train, by the authors')
    ),
)
scaled = dict(Resize=dict(scale=side))
train_pipeline = [dict(step, **scaled.get(step['type'], {})) for step in _base_.train_pipeline]
test_pipeline = [dict(step, **scaled.get(step['type'], {})) for step in _base_.test_pipeline]
sizes = [[dict(type='Resize', scale=(pixels, pixels), keep_ratio=True) for pixels in (224, 269)]]
views = sizes + _base_.tta_pipeline[-1].transforms[1:]
tta_pipeline = [*_base_.tta_pipeline[:-1], dict(type='TestTimeAug', transforms=views)]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=7.5e-5, weight_decay=0.03))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=827),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=False, begin=827, end=9921),
]
train_cfg = dict(max_iters=9921, val_interval=1654)
