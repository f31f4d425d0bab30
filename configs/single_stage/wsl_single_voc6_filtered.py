# Foreground pixels in the high mode of the losses of their image are ignored (DuPL, Wu et al., CVPR 2024), after 40% of
# the training as there. The other constants are DuPL's, for other crops and networks.
_base_ = ['wsl_single_voc6.py']
model = dict(decode_head=dict(loss_decode=dict(filtering=dict(begin=600))))
