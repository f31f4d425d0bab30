# The other half: trained on horse, person and sheep, evaluated on cat, cow and dog.
_base_ = ['fsl_objectness_voc6.py']
train_dataloader = dict(dataset=dict(object_classes=('horse', 'person', 'sheep')))
val_dataloader = dict(dataset=dict(object_classes=('cat', 'cow', 'dog')))
test_dataloader = val_dataloader
