# DeepLab v1 LargeFOV (Chen et al., ICLR 2015): VGG-16 at stride 8, fc6 decimated to 1024 channels and 3x3 taps of
# dilation 12. Published with the CRF, see fsl_deeplabv1_voc_crf.py: VOC 2012 val 67.6, test 70.3. Data, batch size,
# learning rate and schedule are those of all fsl_*_voc.py.
_base_ = [
    '../_base_/models/fcn32s_vgg16.py',
    '../_base_/datasets/voc_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
crop_size = (320, 320)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        strides=(2, 2, 2, 1, 1),
        dilations=(1, 1, 1, 1, 2),
        pool_size=3,
        fc_channels=1024,
        fc_kernel_size=3,
        fc_dilations=(12,),
    ),
    decode_head=dict(
        _delete_=True,
        type='mmwsl.DeepLabV2Head',
        in_channels=1024,
        channels=1024,
        dilations=(1,),
        kernel_size=1,
        dropout_ratio=0.0,
        num_classes=21,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
train_pipeline = (
    _base_.train_pipeline[:3]
    + [dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75)]
    + _base_.train_pipeline[4:]
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))  # as in the paper
tta_model = dict(type='SegTTAModel')
