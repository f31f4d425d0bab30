# Global weighted rank pooling, a part of "Seed, Expand and Constrain" (Kolesnikov & Lampert, ECCV 2016): decay 0.996
# for classes and 0.999 for background (not verified in the paper) on 41 x 41 locations. Here 28 x 28
# locations, so 0.996 ** (41 * 41 / (28 * 28)). The paper pools absent classes by the maximum, and has two more losses,
# which this config has not: its published results are not comparable.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalWeightedRankPooling', d=0.991)))
