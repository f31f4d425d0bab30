# Attention-based multiple instance learning (Ilse et al., ICML 2018), with one attention map per class, computed from
# the class scores of a location. The paper has no result on VOC.
_base_ = ['../wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.AttentionPooling', num_classes=21)))
