# Noisy-or of the cells' probabilities (Maron & Lozano-Perez, NIPS 1998; for maps of a network Fang et al., CVPR
# 2015). The bias makes every class begin near 1/2: -log(28 * 28). No published segmentation or VOC figure is known
# here.
_base_ = ['wsl_lse_voc.py']
model = dict(
    decode_head=dict(
        init_cfg=dict(type='Normal', std=0.01, bias=-6.7, override=dict(name='conv_seg')),
        aggregator=dict(_delete_=True, type='mmwsl.NoisyOrPooling'),
    )
)
