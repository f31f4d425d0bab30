# FCN + proposals, the reference of wsl_fcn_gbp_voc.py: objectness by mask proposals instead of the saliency.
_base_ = ['../pooling/wsl_gmp_voc.py', '../_base_/postprocessing/objectness.py']
model = dict(
    inference=dict(
        postprocessors=[
            *_base_.objectness,
            dict(type='mmwsl.ClassThresholds', thresholds=0.001, tuned_on='masks of voc6 train'),
        ]
    )
)
maps = [dict(type='mmwsl.ComputeObjectness', kind='mask')]
test_pipeline = _base_.test_pipeline[:1] + maps + _base_.test_pipeline[1:]
tta_pipeline = _base_.tta_pipeline[:1] + maps + _base_.tta_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
