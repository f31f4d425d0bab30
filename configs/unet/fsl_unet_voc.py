# U-Net (Ronneberger, Fischer & Brox, MICCAI 2015) of mmseg, from scratch. Published on microscopy images only: ISBI EM
# warping error 0.000353, PhC-U373 IoU 0.920, DIC-HeLa 0.776. The paper's convolutions do not pad, nothing is
# normalized, the loss is weighted at borders, and images are deformed: see fsl_unet_voc_border.py. Here convolutions
# pad and use batch normalization. As in the paper, inference keeps only the scores of a tile that have their full
# context, and mirrors the image at its border. The context is 92 pixels on each side in the paper, 122 with mmseg's
# interpolation.
_base_ = [
    '../_base_/models/unet.py',
    '../_base_/datasets/voc_masks.py',
    '../_base_/schedules/sgd_20k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=dict(test_cfg=None),
    inference=dict(scorer=dict(type='mmwsl.OverlapTileScorer', tile=256, margin=128)),
)
optim_wrapper = dict(paramwise_cfg=None)  # no pretrained layer
tta_model = dict(type='mmwsl.WeakSegTTAModel')
