# FCN-32s on the frozen MobileNetV2 at stride 32, with a hidden layer in place of VGG's fc7: see fsl_fcn32s_voc.py.
_base_ = ['fsl_fcn_voc6.py']
model = dict(
    backbone=dict(backbone=dict(output_stride=32, out_indices=(2, 4, 6))), decode_head=dict(type='mmwsl.FCNSkipHead')
)
