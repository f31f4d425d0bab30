# A pseudo-label that the network finds unlikely teaches less: generalized cross entropy (Zhang & Sabuncu, 2018).
_base_ = ['psl_fcn_voc6.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.GeneralizedCrossEntropyLoss', q=0.7)))
