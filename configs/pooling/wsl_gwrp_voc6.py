# Global weighted rank pooling: see wsl_gwrp_voc.py. 0.996 ** (41 * 41 / (28 * 28)) is the paper's fraction of the map.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalWeightedRankPooling', d=0.991)))
