# The image-level prior, and how likely a pixel belongs to an object by boxes (SP-bb of Pinheiro & Collobert).
_base_ = ['wsl_lse_voc6.py']
model = dict(
    postprocessors=[
        dict(type='mmwsl.ImageLevelPrior'),
        dict(type='mmwsl.ObjectnessPrior'),
        dict(
            type='mmwsl.ClassThresholds',
            thresholds=(0.182, 0.182, 0.182, 0.182, 0.269, 0.182),
            tuned_on='masks of voc6 train'),
    ])
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.ComputeObjectness', kind='box'),
    dict(type='Resize', scale={{_base_.crop_size}}, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs', background='unknown'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
