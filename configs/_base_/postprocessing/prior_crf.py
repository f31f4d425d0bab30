# For segmentors with a head of the image-level labels: its prior, then a CRF with temperature and preset of that of the
# labels of round 1 of `mmwsl run`, fixed values that were developed on voc6. Classes that are improbable everywhere are
# left out, for speed.
prior_crf = [
    dict(type='mmwsl.ImageLevelPrior'),
    dict(type='mmwsl.LogitSoftmax', temperature=2.0),
    dict(type='mmwsl.DenseCRF', preset='ccnn', min_pixel_prob=0.05),
]
