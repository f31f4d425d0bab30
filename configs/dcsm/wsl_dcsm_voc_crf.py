# DCSM (Shimoda & Yanai, ECCV 2016): the saliency of each class minus that of the others, at the nine convolutions
# conv3_1 to conv5_3 of VGG-16, as the unary term of the fully connected CRF. Uses a checkpoint of wsl_dcsm_voc.py.
# Published, VOC 2012 val and test mIoU: 44.1 and 45.1. The constants of the saliency are those of the authors' code,
# which has neither the CRF nor a background threshold. The authors' images have 500 pixels, here 448.
_base_ = ['wsl_dcsm_voc.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(
    inference=dict(
        class_maps=dict(
            type='mmwsl.DistinctClassSaliency',
            # The ReLU after each convolution, by its number in VGG-16.
            layers=[f'backbone.features.{number}' for number in (11, 13, 15, 18, 20, 22, 25, 27, 29)],
        ),
        postprocessors=[
            dict(type='mmwsl.ClassThresholds', thresholds=0.55, tuned_on='masks of voc6 train'),
            *_base_.crf,
        ],
    )
)
