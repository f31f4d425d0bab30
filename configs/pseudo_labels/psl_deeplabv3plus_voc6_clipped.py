# A pixel whose loss exceeds the mean of its block has no gradient (WeakTr). Block and start are WeakTr's, for other
# crops and networks.
_base_ = ['psl_deeplabv3plus_voc6.py']
model = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='mmwsl.RobustCrossEntropyLoss', clipping=dict(block=120, start=1.2))
    )
)
