# The network of DCSM (Shimoda & Yanai, ECCV 2016): VGG-16 as a fully convolutional network, its scores trained through
# global max pooling. wsl_dcsm_voc_crf.py makes masks with its checkpoint. Images, batch size, learning rate and
# schedule are those of wsl_lse_voc.py; the authors' code, from which the constants of the saliency are, does not train.
_base_ = ['../wsl_lse_voc.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmwsl.VGG16',
        fc_channels=4096,
        init_cfg=dict(type='Pretrained', checkpoint='{{$MMWSL_WEIGHTS_ROOT:weights}}/vgg16_imagenet.pth'),
    ),
    decode_head=dict(
        in_channels=4096,
        hidden_channels=(),
        kernel_size=1,
        aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling'),
    ),
)
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))  # of VGG-16
