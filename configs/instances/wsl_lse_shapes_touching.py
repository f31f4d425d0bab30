# A second object of a class overlaps the first: its components are no instances.
_base_ = ['../shapes/wsl_lse_shapes_ilp.py']
train_dataloader = dict(dataset=dict(touching=True))
val_dataloader = dict(dataset=dict(touching=True))
test_dataloader = val_dataloader
