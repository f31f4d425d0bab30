# WILDCAT with the fully connected CRF, as in the paper: uses a checkpoint of wsl_wildcat_voc6.py.
_base_ = ['wsl_wildcat_voc6_thr.py', '../_base_/postprocessing/crf_ccnn.py']
model = dict(inference=dict(postprocessors=_base_.model.inference.postprocessors + _base_.crf))
