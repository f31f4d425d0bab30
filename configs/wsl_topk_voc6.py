# The best fifth of the cells; 10 % to 30 % of an image is the usual share of an object.
_base_ = ['wsl_lse_voc6.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.TopKPooling', k=0.2)))
