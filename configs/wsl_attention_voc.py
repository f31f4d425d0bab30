# Attention of multiple instance learning (Ilse et al., ICML 2018), from the class scores of a cell, one for each
# class. The paper has no figure for VOC.
_base_ = ['wsl_lse_voc.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.AttentionPooling', num_classes=21)))
