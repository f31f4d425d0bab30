# Negative control: each image is trained with the mask of another image. The check of the data rejects masks of
# another size than their image: pass --check-data off to tools/train.py.
_base_ = ['fsl_objectness_voc6.py']
train_dataloader = dict(dataset=dict(shuffle_seed=0))
