# fsl_deconvnet_voc6.py with shortcut connections: see fsl_deconvnet_voc_shortcut.py.
_base_ = ['fsl_deconvnet_voc6.py']
model = dict(backbone=dict(out_indices=(0, 1, 2, 3, 4), before_pool=True), decode_head=dict(shortcuts=True))
