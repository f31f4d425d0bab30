# The next round of pseudo-labels, for tools/generate_pseudo_labels.py --tta: what DeepLab v3+ learnt from the round
# before, where the tags are believed. psl_deeplabv3plus_voc6.py is then trained on them.
_base_ = ['psl_deeplabv3plus_voc6.py']
tuned_on = 'masks of every second picture of voc6 train'
model = dict(
    type='mmwsl.PostprocessedEncoderDecoder',
    # Small pictures show what is large as a whole, large ones what is small; and every class that is there has a place
    # where it is most likely, however shy the network is.
    test_cfg=dict(
        use_tags=True,
        activation_maps=dict(background=dict(type='mmwsl.ConstantBackground', score=0.35), tuned_on=tuned_on)),
    postprocessors=[
        dict(type='mmwsl.NormalizeOdds'),
        dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.01, tuned_on=tuned_on),
    ])
test_pipeline = [
    dict(type='mmwsl.LoadImageAsBGR'),
    dict(type='mmwsl.KeepImage'),
    *_base_.test_pipeline[1:-1],
    dict(type='mmwsl.PackImageLabelInputs', background='unknown'),
]
tta_pipeline = test_pipeline[:2] + [
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (160, 240, 320, 480)],
            [dict(type='LoadAnnotations')],
            [dict(type='mmwsl.PackImageLabelInputs', background='unknown')],
        ])
]
tta_model = dict(type='mmwsl.WeakSegTTAModel')
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
