# DeepLab v3+ on ResNet-50, fine-tuned on the pseudo-labels of your own images on a GPU.
_base_ = [
    '../_base_/models/deeplabv3_resnet101.py',
    '../_base_/models/image_level_head.py',
    '../_base_/postprocessing/prior_crf.py',
    '../_base_/datasets/folder_pseudo.py',
    '../_base_/schedules/adamw_iterations.py',
    '../_base_/default_runtime.py',
]
# Background and foreground count alike in the loss, as in ToCo (Ru et al., CVPR 2023).
loss = dict(_delete_=True, type='mmwsl.RobustCrossEntropyLoss', balanced=True)
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=dict(size={{_base_.crop_size}}),
    backbone=dict(depth=50, init_cfg=dict(checkpoint='open-mmlab://resnet50_v1c')),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        num_classes=3,
        c1_in_channels=256,
        c1_channels=48,
        dropout_ratio=0.0,
        loss_decode=loss,
    ),
    auxiliary_head=dict(_base_.image_level_head, in_channels=2048, in_index=3),
    inference=dict(postprocessors=_base_.prior_crf),
)
optim_wrapper = dict(optimizer=dict(lr=5e-4), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))))
val_cfg = None
tta_model = dict(type='mmwsl.WeakSegTTAModel')
