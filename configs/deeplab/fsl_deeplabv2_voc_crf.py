# DeepLab v2 and its fully connected CRF: uses a checkpoint of fsl_deeplabv2_voc.py.
_base_ = ['fsl_deeplabv2_voc.py']
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    inference=dict(postprocessors=[dict(type='mmwsl.DenseCRF', preset='deeplab', min_pixel_prob=0.05)]),
)
image = [dict(type='mmwsl.KeepOriginalImage')]
test_pipeline = _base_.test_pipeline[:1] + image + _base_.test_pipeline[1:]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
tta_pipeline = _base_.tta_pipeline[:1] + image + _base_.tta_pipeline[1:]
tta_model = dict(type='mmwsl.WeakSegTTAModel')
