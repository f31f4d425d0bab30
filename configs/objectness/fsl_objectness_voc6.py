# "Any object" from the masks of cat, cow and dog; evaluated on horse, person and sheep, whose pixels no loss sees.
# The architecture and its sizes are ours: the proposals of the paper (MCG) are trained otherwise.
_base_ = [
    '../_base_/models/lse_mobilenet-v2.py',
    '../_base_/datasets/voc6.py',
    '../_base_/schedules/adamw_6e.py',
    '../_base_/default_runtime.py',
]
scale = (224, 224)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(size=scale),
    backbone=dict(backbone=dict(out_indices=(1, 2, 6))),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        input_transform='resize_concat',  # at stride 4, the stride of the first feature map
        in_index=(0, 1, 2),
        in_channels=(24, 32, 320),
        channels=64,
        num_convs=2,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=2,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        # The cross-entropy of two classes is the binary one of the difference of their logits. The Tversky loss with
        # equal weights is the Dice loss, without ignored pixels; mmseg's DiceLoss would be trained on them.
        loss_decode=[
            dict(type='CrossEntropyLoss', avg_non_ignore=True),
            dict(type='TverskyLoss', alpha=0.5, beta=0.5, loss_name='loss_dice'),
        ],
    ),
)
# Without `keep_ratio`: the mask that the control gives to an image has another size.
resize = dict(type='Resize', scale=scale, keep_ratio=False)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='LoadAnnotations'),
    resize,
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    resize,
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackSegInputsWithMaps'),
]
masks = dict(
    type='mmwsl.ClassIndependentMasks',
    label_file='',
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
)
train_dataloader = dict(
    dataset=dict(
        masks,
        ann_file='ImageSets/Segmentation/train.txt',
        object_classes=('cat', 'cow', 'dog'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=dict(masks, object_classes=('horse', 'person', 'sheep'), pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
tta_model = dict(type='SegTTAModel')
