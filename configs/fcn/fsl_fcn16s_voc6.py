# FCN-16s: see fsl_fcn32s_voc6.py, which is trained first.
_base_ = ['fsl_fcn32s_voc6.py']
model = dict(decode_head=dict(skip_indices=(1,), skip_channels=(96,)))
load_from = 'work_dirs/fsl_fcn32s_voc6/epoch_6.pth'  # python tools/train.py configs/fcn/fsl_fcn32s_voc6.py
