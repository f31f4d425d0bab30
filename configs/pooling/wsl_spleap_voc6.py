# Softmax pooling with a learned sharpness: see wsl_spleap_voc.py.
_base_ = ['../lse/wsl_lse_voc6.py']
model = dict(
    decode_head=dict(
        aggregator=dict(_delete_=True, type='mmwsl.SoftmaxPooling', sharpness=1.0, learnable=True, num_classes=7)
    )
)
