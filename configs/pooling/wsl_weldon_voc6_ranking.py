# WELDON with the ranking loss of the paper, which ranks the 16 images of a batch for each class.
_base_ = ['wsl_weldon_voc6.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.AveragePrecisionLoss')))
