# U-Net (Ronneberger, Fischer & Brox, MICCAI 2015), mmseg's, from scratch. Published on cells alone: ISBI EM warping
# error 0.000353, PhC-U373 IoU 0.920, DIC-HeLa 0.776; no number on VOC. The paper's convolutions do not pad and
# nothing is normalized; here they pad and are. As in the paper, prediction keeps of each tile the scores that have
# their context, and mirrors the image at its border; the context, 92 pixels on each side in the paper, is 122 with
# mmseg's interpolation.
_base_ = [
    '_base_/models/unet.py',
    '_base_/datasets/voc_masks.py',
    '_base_/schedules/sgd_20k.py',
    '_base_/default_runtime.py',
]
model = dict(
    type='mmwsl.WeakEncoderDecoder',
    data_preprocessor=dict(test_cfg=None),
    inference=dict(scorer=dict(type='mmwsl.OverlapTileScorer', tile=256, margin=128)),
)
optim_wrapper = dict(paramwise_cfg=None)  # all of it is new
tta_model = dict(type='mmwsl.WeakSegTTAModel')
