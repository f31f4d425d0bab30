# The parts of ToCo (Ru et al., CVPR 2023) on VOC 2012 with DeiT-B: 448 pixels, 20,000 iterations in batches of 4, AdamW
# with learning rate 6e-5, heads times 10, weight decay 0.01, warm-up of 1500 iterations. The second classifier is that
# of the third block from the end. Both thresholds are ToCo's, whose authors had masks. CoSA's (Yang et al., ECCV 2024)
# moving average labels the pixels. The folder is a copy of facebook/deit-base-patch16-224 of the Hugging Face Hub.
_base_ = [
    '../_base_/datasets/voc.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
folder = '{{$MMWSL_WEIGHTS_ROOT:weights}}/deit-base-patch16-224'
crop_size = (448, 448)
data_preprocessor = dict(type='mmwsl.FolderPreProcessor', folder=folder, size=crop_size, pad_val=0, seg_pad_val=255)
classifier = dict(
    type='mmwsl.LSEAggregationHead',
    in_channels=768,
    in_index=1,
    num_classes=21,
    hidden_channels=(),
    kernel_size=1,
    aggregator=dict(type='mmwsl.GlobalMaxPooling'),
    background=dict(type='mmwsl.ConstantBackground', threshold=0.5),
    loss_decode=dict(type='mmwsl.MultiLabelSoftMarginLoss'),
)
model = dict(
    type='mmwsl.TokenContrastSegmentor',
    data_preprocessor=data_preprocessor,
    backbone=dict(type='mmwsl.TransformerBackbone', folder=folder, layers=(-3, -1), frozen=False),
    decode_head=dict(
        type='FCNHead',
        in_channels=768,
        in_index=1,
        channels=512,
        num_convs=2,
        dilation=5,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=21,
        align_corners=False,
        loss_decode=dict(type='mmwsl.RobustCrossEntropyLoss', balanced=True, loss_weight=0.1),
    ),
    auxiliary_head=classifier,
    token_head=dict(classifier, in_index=0),
    contrast=dict(type='mmwsl.PatchTokenContrastLoss', in_index=1, loss_weight=0.2),
    crop_contrast=dict(type='mmwsl.CropTokenContrastLoss', in_channels=768, crops=8, crop_size=96, loss_weight=0.5),
    warmup_iters=2000,
    momentum=0.0006,
    scales=(1.0, 0.5, 1.5),
    labeler=dict(
        type='mmwsl.OnlineLabeler',
        bg_threshold=0.25,
        fg_threshold=0.7,
        iterations=10,
        tuned_on='masks of VOC 2012, by the authors of ToCo',
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
train_dataloader = dict(batch_size=4)
val_evaluator = _base_.val_evaluator[:2]
test_evaluator = val_evaluator
ten = dict(lr_mult=10)
optim_wrapper = dict(
    optimizer=dict(lr=6e-5, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(decode_head=ten, auxiliary_head=ten, token_head=ten, crop_contrast=ten)),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=1500, end=20000),
]
train_cfg = dict(max_iters=20000, val_interval=2000)
default_hooks = dict(checkpoint=dict(interval=2000), logger=dict(interval=50))
