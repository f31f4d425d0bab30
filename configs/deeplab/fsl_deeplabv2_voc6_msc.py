# DeepLab v2 with the input scales 1, 0.75, 0.5 on the frozen MobileNetV2: see fsl_deeplabv2_resnet101_voc_msc.py.
_base_ = ['fsl_deeplabv2_voc6.py']
model = dict(type='mmwsl.MultiScaleEncoderDecoder', scales=(1.0, 0.75, 0.5))
tta_model = dict(type='mmwsl.WeakSegTTAModel')
