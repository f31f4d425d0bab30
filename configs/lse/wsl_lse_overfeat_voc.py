# The recipe of Pinheiro & Collobert (CVPR 2015). Published, VOC 2012 val: mIoU 17.8, with the image-level prior 32.6
# (Table 4; hyper-parameters were selected on VOC 2012 val). The size of the deformation is not in the paper.
_base_ = [
    '../_base_/models/lse_overfeat.py',
    '../_base_/datasets/imagenet_voc.py',
    '../_base_/schedules/overfeat_sgd.py',
    '../_base_/default_runtime.py',
]
# Scores of every pixel: the paper shifts the image and runs the network again; one dense network gives the same scores.
# 4 GiB bound the activations of large images.
model = dict(inference=dict(scorer=dict(type='mmwsl.DenseScorer', stride=1, max_memory=4 * 2**30)))
