# SegFormer-B0 on voc6 with a narrower head, on images of 224 pixels. Trained from scratch, which 3131 images hardly
# suffice for; with weights: model.backbone.init_cfg=dict(type='Pretrained', checkpoint=...).
_base_ = [
    '../_base_/models/segformer_mit-b0.py',
    '../_base_/datasets/voc6_masks.py',
    '../_base_/schedules/adamw_3e.py',
    '../_base_/default_runtime.py',
]
scale = (224, 224)
model = dict(data_preprocessor=dict(size=scale), decode_head=dict(channels=64, num_classes=7))
resize = [dict(type='Resize', scale=scale, keep_ratio=True)]
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline[:2] + resize + _base_.train_pipeline[3:]))
test_pipeline = _base_.test_pipeline[:2] + resize + _base_.test_pipeline[3:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
sides = [[dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (160, 224, 288)]]
views = dict(type='TestTimeAug', transforms=sides + _base_.tta_pipeline[-1].transforms[1:])
tta_pipeline = [*_base_.tta_pipeline[:-1], views]
tta_model = dict(type='SegTTAModel')
