# The image-level prior, then a CRF over superpixels, for ZOF + GBP. A transform of the config computes the superpixels.
superpixel_crf = [
    dict(type='mmwsl.ImageLevelPrior'),
    dict(type='mmwsl.ClassThresholds', thresholds=0.07, tuned_on='masks of voc6 train'),
    dict(type='mmwsl.LogitSoftmax', temperature=2.0, tuned_on='masks of voc6 train'),
    dict(type='mmwsl.SuperpixelCRF', tuned_on='masks of voc6 train'),
]
