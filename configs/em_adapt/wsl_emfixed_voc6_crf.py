# The CRF of DeepLab on the probabilities, at test time as in the paper: uses a checkpoint of wsl_emfixed_voc6.py.
_base_ = ['wsl_emfixed_voc6.py', '../_base_/postprocessing/crf_deeplab.py']
model = dict(inference=dict(postprocessors=_base_.postprocessors))
