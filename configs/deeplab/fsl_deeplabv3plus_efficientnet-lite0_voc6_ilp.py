# fsl_deeplabv3plus_efficientnet-lite0_voc6.py with a head that is trained on the image-level labels, and the
# image-level prior by it.
_base_ = [
    'fsl_deeplabv3plus_voc6.py',
    '../_base_/backbones/efficientnet-lite0.py',
    '../_base_/models/image_level_head.py',
]
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='mmwsl.MarkInvisibleLabelsUnknown'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
model = dict(
    _base_.segmentor,
    type='mmwsl.WeakEncoderDecoder',
    auxiliary_head=dict(_base_.image_level_head, in_channels=320),
    inference=_base_.image_level_prior,
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(auxiliary_head=dict(lr_mult=0.2))))
tta_model = dict(type='mmwsl.WeakSegTTAModel')
