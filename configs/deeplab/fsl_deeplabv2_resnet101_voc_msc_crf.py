# DeepLab v2 on ResNet-101 and its fully connected CRF, with the parameters of this network: uses a checkpoint of
# fsl_deeplabv2_resnet101_voc_msc.py.
_base_ = ['fsl_deeplabv2_resnet101_voc_msc.py']
model = dict(
    inference=dict(
        postprocessors=[
            dict(
                type='mmwsl.DenseCRF',
                gaussian_sxy=1.0,
                gaussian_weight=3.0,
                bilateral_sxy=67.0,
                bilateral_srgb=3.0,
                bilateral_weight=4.0,
                iterations=10,
                min_pixel_prob=0.05,  # classes that are improbable everywhere are left out, for speed
            )
        ]
    )
)
