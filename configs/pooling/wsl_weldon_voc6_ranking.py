# WELDON with the ranking loss of the paper, which ranks the 16 images of a batch for each class: see wsl_weldon_voc.py.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    decode_head=dict(
        aggregator=dict(_delete_=True, type='mmwsl.WELDONPooling', kmax=3, kmin=3),
        loss_decode=dict(_delete_=True, type='mmwsl.AveragePrecisionLoss'),
    )
)
