# Noisy-or: see wsl_noisyor_voc.py.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    decode_head=dict(
        init_cfg=dict(type='Normal', std=0.01, bias=-6.7, override=dict(name='conv_seg')),
        aggregator=dict(_delete_=True, type='mmwsl.NoisyOrPooling'),
    )
)
