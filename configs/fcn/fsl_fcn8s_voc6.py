# FCN-8s: see fsl_fcn32s_voc6.py; fsl_fcn16s_voc6.py is trained first.
_base_ = ['fsl_fcn32s_voc6.py']
model = dict(decode_head=dict(skip_indices=(1, 0), skip_channels=(96, 32)))
load_from = 'work_dirs/fsl_fcn16s_voc6/epoch_6.pth'  # python tools/train.py configs/fcn/fsl_fcn16s_voc6.py
