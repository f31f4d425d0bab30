# The structure of ToCo (Ru et al., CVPR 2023) and DuPL (Wu et al., CVPR 2024) on ResNet-50, for 20,000 iterations in
# batches of 4 as there. ToCo's: warm-up, scales, weight of the segmentation loss. DuPL's: filter of noisy labels.
# CoSA's (Yang et al., ECCV 2024): moving average. These authors train vision transformers with AdamW; whole images,
# optimizer and learning rate are those of the other configs for ResNet-50. Both thresholds are those of IRN (Ahn et
# al., CVPR 2019) for the maps of ResNet-50, whose authors had masks.
_base_ = ['../wsl_lse_voc.py']
norm_cfg = dict(type='BN')
classifier = dict(
    _base_.model.decode_head,
    in_index=3,
    hidden_channels=(),
    kernel_size=1,
    aggregator=dict(type='mmwsl.GlobalAveragePooling'),
)
model = dict(
    type='mmwsl.MeanTeacherSegmentor',
    decode_head=dict(
        _delete_=True,
        type='DepthwiseSeparableASPPHead',
        in_channels=2048,
        in_index=3,
        channels=256,
        dilations=(1, 6, 12, 18),
        c1_in_channels=256,
        c1_channels=48,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(
            type='mmwsl.RobustCrossEntropyLoss', balanced=True, filtering=dict(begin=8000), loss_weight=0.1
        ),
    ),
    auxiliary_head=classifier,
    warmup_iters=2000,
    momentum=0.0006,
    scales=(1.0, 0.5, 1.5),
    labeler=dict(
        type='mmwsl.OnlineLabeler',
        bg_threshold=0.05,
        fg_threshold=0.3,
        tuned_on='masks of VOC 2012, by the authors of IRN',
    ),
)
train_dataloader = dict(batch_size=4)
val_evaluator = _base_.val_evaluator[:2]
test_evaluator = val_evaluator
