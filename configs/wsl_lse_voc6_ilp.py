_base_ = ['wsl_lse_voc6.py']
model = dict(
    decode_head=dict(background=dict(score=0.7)),  # by the masks of voc6 val
    postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
