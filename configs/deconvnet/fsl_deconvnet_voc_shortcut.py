# DeconvNet with shortcut connections: the feature map of each stage of VGG-16, before its pooling, is added to the
# unpooled map of this stage, through a 1x1 convolution that starts at zero. No paper gives a number for it; compare it
# with fsl_deconvnet_voc.py.
_base_ = ['fsl_deconvnet_voc.py']
model = dict(backbone=dict(out_indices=(0, 1, 2, 3, 4), before_pool=True), decode_head=dict(shortcuts=True))
