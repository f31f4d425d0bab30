# The parts of DuPL (Wu et al., CVPR 2024) on VOC 2012 with two DeiT-B. Unlike ToCo: two students that are trained on
# the labels of each other, no contrast of crops, a foreground threshold that falls, twice the weight of the
# segmentation, and noisy labels ignored after 8000 iterations. The final threshold is DuPL's for COCO; that for VOC
# differs by class.
_base_ = ['wsl_toco_voc.py']
model = dict(
    type='mmwsl.DualStudentTokenContrastSegmentor',
    decode_head=dict(loss_decode=dict(filtering=dict(begin=8000), loss_weight=0.2)),
    crop_contrast=None,
    momentum=1.0,
    labeler=dict(
        type='mmwsl.CosineLabeler',
        final_fg_threshold=0.55,
        schedule_iters=18000,
        tuned_on='masks of VOC 2012 and COCO, by the authors of DuPL',
    ),
)
