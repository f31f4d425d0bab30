# For tools/test.py: the prior of fsl_deeplabv3plus_efficientnet-lite0_voc6_ilp.py and the CRF of the segmentors of
# `mmwsl run`, with the checkpoint of that config.
_base_ = ['fsl_deeplabv3plus_efficientnet-lite0_voc6_ilp.py', '../_base_/postprocessing/prior_crf.py']
model = dict(inference=dict(postprocessors=_base_.prior_crf))
