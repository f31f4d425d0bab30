# DeepLab v3+ on pseudo-labels of voc6 that miss what the border of the picture cuts off: background there is not
# believed next to objects.
_base_ = ['psl_deeplabv3plus_voc6.py']
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='mmwsl.IgnoreBorderBackground', fraction=0.2),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
