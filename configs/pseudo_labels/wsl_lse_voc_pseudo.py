# For tools/generate_pseudo_labels.py: see wsl_lse_voc6_pseudo.py, whose hyper-parameters it has, but one threshold for
# all classes.
_base_ = ['../priors/wsl_lse_voc_seg.py']
tuned_on = 'masks of every fourth image of voc6 train'
model = dict(
    inference=dict(
        postprocessors=[
            dict(type='mmwsl.ImageLevelPrior'),
            dict(type='mmwsl.ObjectnessPrior', power=0.15, tuned_on=tuned_on),
            dict(type='mmwsl.ClassThresholds', thresholds=0.2, tuned_on=tuned_on),
            dict(type='mmwsl.LogitSoftmax', temperature=4.0, tuned_on=tuned_on),
            dict(type='mmwsl.DenseCRF', preset='ccnn', min_image_prob=0.05, tuned_on=tuned_on),
        ]
    )
)
