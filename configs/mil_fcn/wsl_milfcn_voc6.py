# MIL-FCN (Pathak et al., ICLR 2015 workshop) on voc6: each present class at its highest-scoring location.
_base_ = ['../em_adapt/wsl_emfixed_voc6.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.MILFCNLoss')))
