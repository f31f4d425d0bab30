# MIT Indoor Scenes, 67 classes: one folder per class, the official lists with 80 training and 20 test images per class
# (numbers not verified). The classes are the sorted names of the folders. The classes exclude each other.
_base_ = ['voc07_classification.py']
metainfo = dict(
    classes=tuple(
        'background airport_inside artstudio auditorium bakery bar bathroom bedroom bookstore bowling buffet casino '
        'children_room church_inside classroom cloister closet clothingstore computerroom concert_hall corridor deli '
        'dentaloffice dining_room elevator fastfood_restaurant florist gameroom garage greenhouse grocerystore gym '
        'hairsalon hospitalroom inside_bus inside_subway jewelleryshop kindergarden kitchen laboratorywet laundromat '
        'library livingroom lobby locker_room mall meeting_room movietheater museum nursery office operating_room '
        'pantry poolinside prisoncell restaurant restaurant_kitchen shoeshop stairscase studiomusic subway toystore '
        'trainstation tv_studio videostore waitingroom warehouse winecellar'.split()
    )
)
dataset = dict(
    _delete_=True,
    type='mmwsl.FolderWeakDataset',
    data_root='{{$MMWSL_DATA_ROOT:data}}/mit67',
    data_prefix=dict(img_path='Images'),
    class_folders=True,
    background_folder=None,
    metainfo=metainfo,
)
train_dataloader = dict(dataset=dict(dataset, ann_file='TrainImages.txt', pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(dataset, ann_file='TestImages.txt', test_mode=True, pipeline=_base_.test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mmwsl.ImageAccuracyMetric')
test_evaluator = val_evaluator
