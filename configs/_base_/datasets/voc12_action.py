# PASCAL VOC 2012 Action: one sample per person, trained on train, evaluated on val. The crop is 1.5 times the box of
# the person; factors of 1 and 1.5 are both in use, and that of WELDON and WILDCAT is not verified.
_base_ = ['voc07_classification.py']
data_root = '{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2012'
crop = [dict(type='mmwsl.CropBox', factor=1.5)]
train_pipeline = _base_.train_pipeline[:1] + crop + _base_.train_pipeline[1:]
test_pipeline = _base_.test_pipeline[:1] + crop + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + crop + _base_.tta_pipeline[1:]
dataset = dict(_delete_=True, type='mmwsl.VOCActionDataset', data_root=data_root)
train_dataloader = dict(dataset=dict(dataset, label_split='train', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(dataset, label_split='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
