# The segmentor of the later self-training rounds of `mmwsl run --preset best`, on a frozen EfficientNet-Lite2.
# Settings of these rounds only, such as a moving average of the weights or a robust loss, belong here.
_base_ = ['../folder/psl_deeplabv3plus_efficientnet-lite2_folder.py']
