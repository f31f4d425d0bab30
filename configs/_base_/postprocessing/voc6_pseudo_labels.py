# The post-processing pipeline of round 1 that labels training images of voc6; see
# configs/pseudo_labels/wsl_lse_voc6_pseudo.py. A transform of the config computes the field `objectness`.
tuned_on = 'masks of every fourth image of voc6 train'
voc6_pseudo_labels = [
    dict(type='mmwsl.ImageLevelPrior'),
    dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
    dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/../../pseudo_labels/voc6_pseudo.json'),
    dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
]
