# For tools/generate_pseudo_labels.py, which uses the image-level labels: for a class that is known to be present, the
# objectness delimits an object better than the saturated probability of the network.
_base_ = ['../priors/wsl_lse_voc6_seg.py']
tuned_on = 'masks of every fourth image of voc6 train'
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
            dict(type='mmwsl.ClassThresholds', thresholds='{{ fileDirname }}/voc6_pseudo.json'),
            dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
            dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
        ]
    )
)
