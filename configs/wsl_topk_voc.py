# Mean of the best k cells, between max (k = 1) and mean pooling; no paper's own setting. Of the network's 28 x 28
# cells the best fifth.
_base_ = ['wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.TopKPooling', k=0.2)))
