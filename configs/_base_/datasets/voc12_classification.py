# Classification on PASCAL VOC 2012: trained on train, evaluated on val. The labels of test are on VOC's server. The
# official AP is mAP_all_points.
_base_ = ['voc07_classification.py']
data_root = '{{$MMWSL_DATA_ROOT:data}}/VOCdevkit/VOC2012'
train_dataloader = dict(dataset=dict(data_root=data_root, label_split='train'))
val_dataloader = dict(dataset=dict(data_root=data_root, label_split='val'))
test_dataloader = val_dataloader
