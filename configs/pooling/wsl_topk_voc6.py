# The highest-scoring fifth of the locations; an object typically covers 10% to 30% of an image.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.TopKPooling', k=0.2)))
