# DCSM (Shimoda & Yanai, ECCV 2016): the saliency of each class minus that of the others, as the unary term of the fully
# connected CRF. Published, VGG-16, VOC 2012 val and test mIoU: 44.1 and 45.1. The constants of the saliency are those
# of the authors' code, which has neither the CRF nor a background threshold.
_base_ = ['../pooling/wsl_gmp_voc.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.DistinctClassSaliency',
            layers=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
        ),
        postprocessors=[
            dict(type='mmwsl.ClassThresholds', thresholds=0.55, tuned_on='masks of voc6 train'),
            *_base_.crf,
        ],
    )
)
