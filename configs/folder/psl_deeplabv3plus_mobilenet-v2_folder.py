# DeepLab v3+ on a frozen MobileNetV2, trained on the pseudo-labels of your own images on a CPU.
_base_ = [
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
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
    decode_head=dict(num_classes=3, loss_decode=loss),
    auxiliary_head=dict(_base_.image_level_head, in_channels=320),
    inference=dict(postprocessors=_base_.prior_crf),
)
# A head with normalization tolerates a higher learning rate. The auxiliary head has none: 1e-3, as in the classifier.
optim_wrapper = dict(optimizer=dict(lr=5e-3), paramwise_cfg=dict(custom_keys=dict(auxiliary_head=dict(lr_mult=0.2))))
val_cfg = None
tta_model = dict(type='mmwsl.WeakSegTTAModel')
