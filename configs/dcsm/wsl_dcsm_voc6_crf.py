# DCSM + CRF: see wsl_dcsm_voc_crf.py. Two stages of a frozen MobileNetV2 in place of nine convolutions of VGG-16.
# Layers and threshold were tuned on the masks of 40 images of train.
_base_ = ['../pooling/wsl_gmp_voc6.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.DistinctClassSaliency',
            layers=['backbone.backbone.layer4', 'backbone.backbone.layer5'],
            tuned_on='masks of voc6 train',
        ),
        postprocessors=[
            dict(type='mmwsl.ClassThresholds', thresholds=0.55, tuned_on='masks of voc6 train'),
            *_base_.crf,
        ],
    )
)
