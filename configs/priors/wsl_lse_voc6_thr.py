# A threshold per class on the probabilities: the reference of the priors.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    inference=dict(
        postprocessors=[
            dict(
                type='mmwsl.ClassThresholds',
                thresholds=(0.818, 0.924, 0.971, 0.924, 0.996, 0.953),
                tuned_on='masks of voc6 train',
            ),
        ]
    )
)
