# For tools/generate_pseudo_labels.py: as wsl_lse_coco_pseudo.py, with the light network.
_base_ = ['../lse/wsl_lse_mobilenet-v2_coco.py']
tuned_on = 'masks of every fourth image of voc6 train'
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
            dict(type='mmwsl.ClassThresholds', thresholds=0.2, tuned_on=tuned_on),
            dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
            dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
        ]
    )
)
maps = [dict(type='mmwsl.ComputeObjectness', kind='mask')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
