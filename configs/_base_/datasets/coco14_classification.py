# Classification on COCO 2014, 80 classes: trained on train2014, evaluated on val2014. A class with crowd regions only
# is present. Images without an object stay, as negatives of every class.
_base_ = ['voc07_classification.py']
dataset = dict(_delete_=True, type='mmwsl.COCOWeakDataset', data_root='{{$MMWSL_DATA_ROOT:data}}/coco')
train_dataloader = dict(
    dataset=dict(
        dataset,
        label_file='annotations/instances_train2014.json',
        data_prefix=dict(img_path='train2014'),
        pipeline=_base_.train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        dataset,
        label_file='annotations/instances_val2014.json',
        data_prefix=dict(img_path='val2014'),
        test_mode=True,
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader
