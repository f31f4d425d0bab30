# FCN-32s (Long, Shelhamer & Darrell, CVPR 2015): the coarsest of three networks, each initialized from the previous
# one. Published, VOC 2011 val (matconvnet-fcn): 59.4; 16s 62.4; 8s 62.7; 8s on VOC 2012 test 62.2. Data, batch size,
# learning rate and schedule are those of all fsl_*_voc.py. The paper pads the image by 100 pixels; here fc6 pads its
# input: see fsl_fcn-alexnet_voc.py for the paper's padding and solver.
_base_ = [
    '../_base_/models/fcn32s_vgg16.py',
    '../_base_/datasets/voc_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))  # as in the paper
tta_model = dict(type='SegTTAModel')
