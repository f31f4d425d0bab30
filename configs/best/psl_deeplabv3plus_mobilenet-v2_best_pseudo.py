# Labels the training images for the next self-training round, with the segmentor of the round before.
_base_ = ['psl_deeplabv3plus_mobilenet-v2_best.py', '../_base_/models/self_training.py']
model = _base_.self_training
test_pipeline = [*_base_.test_pipeline[:-1], _base_.pack]
# Small images for large objects, large images for small objects.
views = [
    [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (320, 480, 640)],
    *_base_.tta_pipeline[-1].transforms[1:-1],
    [_base_.pack],
]
tta_pipeline = [*_base_.tta_pipeline[:-1], dict(type='TestTimeAug', transforms=views)]
tta_model = dict(type='mmwsl.WeakSegTTAModel')
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
