# Generalized mean (GeM; Radenovic et al., TPAMI 2019), exponent 3 as the paper's, but of the cells' probabilities in
# place of features, and for classes in place of retrieval: the paper has no figure for it.
_base_ = ['wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GeMPooling', p=3.0)))
