# Label-masked activation maps: classes that the tags of the image exclude are 0. For pseudo-labels of training
# images, which have tags; a test with it is no prediction from the image alone, and its results say so.
_base_ = ['wsl_gap_voc6_cam.py']
model = dict(inference=dict(image_labels=dict(type='mmwsl.KnownImageLabels')))
