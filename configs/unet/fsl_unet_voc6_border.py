# fsl_unet_voc6.py with the border-weighted loss and the elastic deformation of the paper: see fsl_unet_voc_border.py.
# The displacements are scaled with the image, from 512 pixels of the paper to 224.
_base_ = ['fsl_unet_voc6.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='mmwsl.BorderWeightedCrossEntropyLoss', border_weight=10.0, sigma=5.0)
    )
)
deform = [dict(type='mmwsl.RandomElasticDeformation', std=4.4, points=3)]
pipeline = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(dataset=dict(pipeline=pipeline[:-1] + deform + pipeline[-1:]))
