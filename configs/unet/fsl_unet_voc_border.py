# U-Net as its paper has it (Ronneberger, Fischer & Brox, MICCAI 2015): convolutions that do not pad, tiles of 388
# pixels out of 572, the border-weighted loss, elastic deformation, batches of 1, momentum 0.99. The paper segments
# cells, whose masks have instances; the instances here are the connected components of a class. Constants not verified:
# w0 = 10 and sigma = 5 for any image, the displacements, w_c, of which the paper gives no formula, and the learning
# rate, which is ours. The context of a training crop is mirrored, not the image around it.
_base_ = ['fsl_unet_voc.py']
crop_size = (388, 388)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(_delete_=True, type='mmwsl.ValidUNet', base_channels=64),
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='mmwsl.BorderWeightedCrossEntropyLoss', border_weight=10.0, sigma=5.0)
    ),
    # Tiles that start at a multiple of 16, the stride, have the scores of the whole image.
    inference=dict(scorer=dict(tile=384, margin=96)),
)
train_pipeline = [
    *_base_.train_pipeline[:3],
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='mmwsl.RandomElasticDeformation', std=10.0, points=3),
    *_base_.train_pipeline[4:],
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=1e-3, momentum=0.99))
