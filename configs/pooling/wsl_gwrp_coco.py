# Global weighted rank pooling (SEC), on COCO 2017.
_base_ = ['../lse/wsl_lse_coco.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalWeightedRankPooling')))
