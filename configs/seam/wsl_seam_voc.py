# SEAM (Wang et al., CVPR 2020): global average pooling, one convolution, 8 epochs in batches of 8, weight decay 5e-4.
# ResNet-50 at stride 16 in place of ResNet-38 at stride 8, and whole images of 448 pixels in place of crops. The
# background threshold 0.26 is published; the authors chose it with masks.
_base_ = ['../wsl_lse_voc.py']
model = dict(
    type='mmwsl.SEAM',
    decode_head=dict(
        type='mmwsl.SEAMHead',
        hidden_channels=(),
        kernel_size=1,
        aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling'),
        correlation_in_index=(2, 3),
        correlation_in_channels=(1024, 2048),
    ),
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps',
            background=dict(type='mmwsl.ConstantBackground', threshold=0.26),
            tuned_on='masks of VOC 2012, by the authors',
        ),
        postprocessors=[dict(type='mmwsl.ImageLevelPrior')],
    ),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=10582)]
train_cfg = dict(max_iters=10582, val_interval=2000)
