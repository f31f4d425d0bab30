# The classifier that ReCAM starts from: ResNet-50, global average pooling and one convolution, as in IRN.
_base_ = ['../wsl_lse_voc.py']
model = dict(
    decode_head=dict(
        hidden_channels=(), kernel_size=1, aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')
    ),
    inference=dict(
        class_maps=dict(
            type='mmwsl.ClassActivationMaps', background=dict(type='mmwsl.ConstantBackground', threshold=0.15)
        ),
        postprocessors=[dict(type='mmwsl.ImageLevelPrior')],
    ),
)
