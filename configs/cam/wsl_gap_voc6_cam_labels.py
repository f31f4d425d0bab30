# Label-masked class activation maps: absent classes are 0. For pseudo-labels of training images, which have image-level
# labels; a test with it is no prediction from the image alone, and its results report so.
_base_ = ['wsl_gap_voc6_cam.py']
model = dict(inference=dict(image_labels=dict(type='mmwsl.KnownImageLabels')))
