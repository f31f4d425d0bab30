# The segmentor of `mmwsl run --preset best`, on ResNet-50: background and foreground count alike in
# the loss, as in ToCo (Ru et al., CVPR 2023).
_base_ = ['../folder/psl_deeplabv3plus_resnet50_folder.py']
model = dict(decode_head=dict(loss_decode=dict(_delete_=True, type='mmwsl.RobustCrossEntropyLoss', balanced=True)))
