# FCN-GoogLeNet of a quarter of the width, from scratch: see fsl_fcn-googlenet_voc.py and fsl_fcn-alexnet_voc6.py.
_base_ = ['fsl_fcn-alexnet_voc6.py']
model = dict(
    backbone=dict(_delete_=True, type='mmwsl.GoogLeNet', width=0.25), decode_head=dict(in_channels=256, offset=98)
)
