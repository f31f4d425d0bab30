# The chain of round 1 that labels training images; see configs/pseudo_labels/wsl_lse_voc6_pseudo.py. One threshold for
# all classes. A transform of the config computes the field `objectness`.
tuned_on = 'masks of every fourth image of voc6 train'
pseudo_labels_chain = [
    dict(type='mmwsl.ImageLevelPrior'),
    dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
    dict(type='mmwsl.ClassThresholds', thresholds=0.2, tuned_on=tuned_on),
    dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
]
