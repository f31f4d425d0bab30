# DeepLab v2 on the frozen MobileNetV2, the branches of fsl_deeplabv2_voc.py at stride 16.
_base_ = ['fsl_deeplabv1_voc6.py']
model = dict(decode_head=dict(channels=128, dilations=(3, 6, 9, 12)))
