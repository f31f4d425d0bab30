# Pinheiro & Collobert, CVPR 2015: train on one label per image, a folder of ImageNet images for each VOC class and
# one for the background; evaluate on VOC 2012.
#
#   data/imagenet_voc/aeroplane/*.JPEG ... data/imagenet_voc/tvmonitor/*.JPEG    data/imagenet_voc/background/*.JPEG
_base_ = ['voc.py']
crop_size = (400, 400)
train_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='RandomResize', scale=(500, 500), ratio_range=(0.8, 1.25), keep_ratio=True),
    dict(type='RandomRotate', prob=0.5, degree=10.0, pad_val=116),
    dict(type='mmwsl.RandomCentralCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    # Brightness and contrast, as in the paper; mmseg cannot take a hue_delta of 0.
    dict(type='PhotoMetricDistortion', saturation_range=(1.0, 1.0), hue_delta=1),
    dict(type='mmwsl.PackImageLabelInputs'),
]
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs'),
]
tta_pipeline = [  # at the original size, as in the test
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepOriginalImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs')],
        ],
    ),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmwsl.FolderWeakDataset',
        data_root='{{$MMWSL_DATA_ROOT:data}}/imagenet_voc',
        class_folders=True,
        background_folder='background',
        metainfo=dict(
            classes=(
                'background',
                'aeroplane',
                'bicycle',
                'bird',
                'boat',
                'bottle',
                'bus',
                'car',
                'cat',
                'chair',
                'cow',
                'diningtable',
                'dog',
                'horse',
                'motorbike',
                'person',
                'pottedplant',
                'sheep',
                'sofa',
                'train',
                'tvmonitor',
            )
        ),
        data_prefix=dict(img_path=''),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
