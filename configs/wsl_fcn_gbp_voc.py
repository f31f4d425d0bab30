# FCN + GBP (Shimoda & Yanai): a fully convolutional classifier trained through global max pooling; its class maps
# times the image-level prior times the saliency of each class, from guided back-propagation to several layers, against
# a threshold. Published, VGG-16, VOC 2012 val and test mIoU: 41.4 and 40.7; the same with MCG proposals in place of
# the saliency 33.8 and 33.1. The poster gives no other number: layers, threshold and what is propagated are choices.
_base_ = ['wsl_gmp_voc.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.GuidedBackpropSaliency',
            layers=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
            target='score_map',
        ),
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ClassThresholds', thresholds=0.0005, tuned_on='masks of voc6 train'),
        ],
    )
)
