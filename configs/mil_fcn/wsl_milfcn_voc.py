# MIL-FCN (Pathak et al., ICLR 2015 workshop): each present class, background always among them, at its highest-scoring
# location. Published, VGG-16 with the ImageNet classifier's weights kept in the last layer: mIoU 25.05 on VOC 2011 val,
# 25.66 on VOC 2012 test; without those weights 3.52 on val. Optimizer and length as in the paper. Here: ResNet-50,
# whose last layer starts from small random weights, with ten times the learning rate of the backbone.
_base_ = ['../em_adapt/wsl_emfixed_voc.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.MILFCNLoss')))
optim_wrapper = dict(optimizer=dict(lr=1e-3))  # times 0.1 in the backbone: the paper's 1e-4
param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]
train_cfg = dict(max_iters=10000)
