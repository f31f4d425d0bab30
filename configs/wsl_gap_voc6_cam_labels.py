# Label-masked activation maps: classes that the tags of the image exclude are 0. For pseudo-labels of training
# images, which have tags; a test with it is no prediction from the image alone, and its results say so.
_base_ = ['wsl_gap_voc6_cam.py']
model = dict(test_cfg=dict(use_image_labels=True))
