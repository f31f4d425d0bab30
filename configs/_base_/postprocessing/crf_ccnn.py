# The CRF for independent classes and a background threshold; see configs/priors/README.md.
crf = [
    dict(type='mmwsl.LogitSoftmax', temperature=2.0, tuned_on='masks of voc6 train'),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on='masks of voc6 train'),
]
