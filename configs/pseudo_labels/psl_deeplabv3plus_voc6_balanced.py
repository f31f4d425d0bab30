# Background and foreground have half of the loss each (ToCo, Ru et al., CVPR 2023): most pixels are background.
_base_ = ['psl_deeplabv3plus_voc6.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.RobustCrossEntropyLoss', balanced=True)))
