# A threshold per class on the probabilities, then the fully connected CRF: to compare with other losses.
_base_ = ['wsl_lse_voc6_thr.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(inference=dict(postprocessors=_base_.model.inference.postprocessors + _base_.crf))
