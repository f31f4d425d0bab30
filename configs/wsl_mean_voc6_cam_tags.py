# Label-masked activation maps: classes that the tags of the picture exclude are 0. For pseudo-labels of training
# pictures, which have tags; a test with it is no prediction from the picture alone, and its results say so.
_base_ = ['wsl_mean_voc6_cam.py']
model = dict(test_cfg=dict(use_tags=True))
