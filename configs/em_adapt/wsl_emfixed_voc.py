# EM-Fixed (Papandreou et al., ICCV 2015): latent labels, the argmax over the present classes after fixed biases.
# Published, VGG-16 and a CRF at test time: mIoU 20.8 on VOC 2012 val. The paper: SGD, batches of 20 to 30, learning
# rate 1e-3 and 1e-2 in the last layer, in steps of 0.1, momentum 0.9, weight decay 5e-4. Here: ResNet-50, batches of
# 16, the same rates on a polynomial schedule.
_base_ = [
    '../_base_/models/lse_resnet50.py',
    '../_base_/datasets/voc.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        aggregator=dict(_delete_=True, type='mmwsl.GlobalMaxPooling'),
        background=dict(_delete_=True, type='mmwsl.LearnedBackground'),
        loss_decode=dict(_delete_=True, type='mmwsl.EMFixedLoss', foreground_bias=5.0, background_bias=3.0),
    )
)
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
