# Mean of the k highest-scoring locations, between global max pooling (k = 1) and global average pooling; not the
# setting of a paper. A fifth of the network's 28 x 28 locations.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.TopKPooling', k=0.2)))
