# WILDCAT (Durand et al., CVPR 2017): ResNet-101 at stride 32, fine-tuned, images warped to 448 x 448, one convolution
# to 4 maps per class, the mean of the 20 highest of 14 x 14 scores plus 0.7 times that of the 20 lowest. Learning rates
# as in the public code. Published, over several scales: classification mAP VOC 2007 95.0, VOC 2012 93.4, COCO 80.7;
# point localization VOC 2012 82.9, COCO 53.4; segmentation VOC 2012 val mIoU 39.2, with a CRF 43.7 (the background
# decision is not published). One scale of 448, VOC 2007: max and min alone 89.0, with 0.7 90.3, with 4 maps 91.6, with
# both 92.0.
_base_ = [
    '../_base_/models/wildcat_resnet101.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='Resize', scale={{_base_.crop_size}}, keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='Resize', scale={{_base_.crop_size}}, keep_ratio=False),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
tta_pipeline = [  # of the training size: the 20 highest and lowest scores are those of a map of 14 x 14
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale={{_base_.crop_size}}, keep_ratio=False)],
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs')],
        ],
    ),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
