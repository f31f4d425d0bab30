# Sum of all locations: see wsl_sum_voc.py. The initial weights and learning rates are those of the other aggregators.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalSumPooling')))
