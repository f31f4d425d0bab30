# Noisy-or of the probabilities of the locations (Maron & Lozano-Perez, NIPS 1998; for score maps Fang et al., CVPR
# 2015). The bias -log(28 * 28) makes every class start near 1/2. We know of no published result on VOC.
_base_ = ['../wsl_lse_voc.py']
model = dict(
    decode_head=dict(
        init_cfg=dict(type='Normal', std=0.01, bias=-6.7, override=dict(name='conv_seg')),
        aggregator=dict(_delete_=True, type='mmwsl.NoisyOrPooling'),
    )
)
