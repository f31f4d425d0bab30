# WILDCAT: see wsl_wildcat_voc.py. A tenth of 28 x 28 locations, as the paper's 20 of 14 x 14.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    decode_head=dict(
        maps_per_class=4, aggregator=dict(_delete_=True, type='mmwsl.WILDCATPooling', kmax=0.1, kmin=0.1, alpha=0.7)
    )
)
