# WELDON: see wsl_weldon_voc.py.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.WELDONPooling', kmax=3, kmin=3)))
