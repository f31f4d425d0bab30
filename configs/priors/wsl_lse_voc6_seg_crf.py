# The image-level prior, mask proposals, then the fully connected CRF.
_base_ = ['wsl_lse_voc6_seg.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(inference=dict(postprocessors=_base_.model.inference.postprocessors + _base_.crf))
