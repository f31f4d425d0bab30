# FCN-8s: see fsl_fcn32s_voc.py; fsl_fcn16s_voc.py is trained first.
_base_ = ['fsl_fcn32s_voc.py']
model = dict(backbone=dict(out_indices=(2, 3)), decode_head=dict(skip_indices=(1, 0), skip_channels=(512, 256)))
load_from = 'work_dirs/fsl_fcn16s_voc/iter_20000.pth'  # python tools/train.py configs/fcn/fsl_fcn16s_voc.py
