# Generalized mean (GeM; Radenovic et al., TPAMI 2019) with the paper's exponent 3, but of the probabilities of the
# locations instead of features, and for classes instead of retrieval: the paper has no result for it.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GeMPooling', p=3.0)))
