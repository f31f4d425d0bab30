_base_ = ['../lse/wsl_lse_mobilenet-v2_coco.py']
model = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')))
