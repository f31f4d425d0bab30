# Negative control: each image is trained with the mask of another image.
_base_ = ['fsl_objectness_voc6.py']
train_dataloader = dict(dataset=dict(shuffle_seed=0))
