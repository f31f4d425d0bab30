# FCN-GoogLeNet: fsl_fcn-alexnet_voc.py with GoogLeNet, without its average pooling and auxiliary classifiers.
# Published, VOC 2011 val: 42.5 (not verified). The authors never released it: the padding of 100 pixels is that of
# their other networks; the learning rate, 5e-5, and the layers are not verified. Set
# backbone.init_cfg=dict(type='Pretrained', checkpoint=...) to weights of ImageNet with the names of mmwsl.GoogLeNet:
# torchvision's googlenet is another network.
_base_ = ['fsl_fcn-alexnet_voc.py']
model = dict(backbone=dict(_delete_=True, type='mmwsl.GoogLeNet'), decode_head=dict(in_channels=1024, offset=98))
optim_wrapper = dict(optimizer=dict(lr=5e-5))
