# FCN-16s: see fsl_fcn32s_voc.py, which is trained first.
_base_ = ['fsl_fcn32s_voc.py']
model = dict(backbone=dict(out_indices=(3,)), decode_head=dict(skip_indices=(0,), skip_channels=(512,)))
load_from = 'work_dirs/fsl_fcn32s_voc/iter_20000.pth'  # python tools/train.py configs/fcn/fsl_fcn32s_voc.py
