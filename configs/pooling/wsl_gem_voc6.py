# Generalized mean: see wsl_gem_voc.py.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GeMPooling', p=3.0)))
