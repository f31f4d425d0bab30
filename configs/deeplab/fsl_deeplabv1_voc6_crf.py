# DeepLab v1 LargeFOV and its fully connected CRF: uses a checkpoint of fsl_deeplabv1_voc6.py.
_base_ = ['fsl_deeplabv1_voc6.py', '../_base_/postprocessing/crf_deeplab.py']
model = dict(type='mmwsl.WeakEncoderDecoder', inference=dict(postprocessors=_base_.postprocessors))
tta_model = dict(type='mmwsl.WeakSegTTAModel')
