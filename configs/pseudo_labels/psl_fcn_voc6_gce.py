# Generalized cross entropy (Zhang & Sabuncu, 2018), a noise-robust loss: improbable pseudo-labels contribute less to
# the gradient.
_base_ = ['psl_fcn_voc6.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.GeneralizedCrossEntropyLoss', q=0.7)))
