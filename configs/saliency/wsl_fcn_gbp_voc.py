# FCN + GBP (Shimoda & Yanai): a fully convolutional classifier trained with global max pooling. Its class maps are
# multiplied by the image-level prior and by the saliency of each class, from guided back-propagation to several layers,
# and thresholded. Published, VGG-16, VOC 2012 val and test mIoU: 41.4 and 40.7; with MCG proposals instead of the
# saliency 33.8 and 33.1. The poster gives no other constant: layers, threshold and target are our choices.
_base_ = ['../pooling/wsl_gmp_voc.py']
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
