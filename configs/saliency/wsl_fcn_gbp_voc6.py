# FCN + GBP: see wsl_fcn_gbp_voc.py. Layers and threshold were tuned on the masks of 40 images of train.
_base_ = ['../pooling/wsl_gmp_voc6.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.GuidedBackpropSaliency',
            layers=['backbone.backbone.layer3', 'backbone.backbone.layer4', 'backbone.backbone.layer5'],
            target='score_map',
            tuned_on='masks of voc6 train',
        ),
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ClassThresholds', thresholds=0.0005, tuned_on='masks of voc6 train'),
        ],
    )
)
