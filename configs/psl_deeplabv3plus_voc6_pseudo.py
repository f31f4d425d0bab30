# A second round of pseudo-labels, for tools/generate_pseudo_labels.py: what DeepLab v3+ learnt from the first, where
# the tags are believed. psl_deeplabv3plus_voc6.py is then trained on them.
_base_ = ['psl_deeplabv3plus_voc6.py']
tuned_on = 'masks of every fourth picture of voc6 train'
model = dict(
    type='mmwsl.PostprocessedEncoderDecoder',
    postprocessors=[
        # A network that learnt from shy labels is as shy.
        dict(type='mmwsl.ClassThresholds', thresholds=0.25, tuned_on=tuned_on),
        dict(type='mmwsl.NormalizeOdds', temperature=2., tuned_on=tuned_on),
        dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01, tuned_on=tuned_on),
    ])
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepImage'),
    *_base_.test_pipeline[1:-1],
    dict(type='mmwsl.PackImageLabelInputs', background='unknown'),
]
views = _base_.tta_pipeline[1].transforms[:-1] + [[dict(type='mmwsl.PackImageLabelInputs', background='unknown')]]
tta_pipeline = test_pipeline[:2] + [dict(type='TestTimeAug', transforms=views)]
tta_model = dict(type='mmwsl.WeakSegTTAModel')
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
