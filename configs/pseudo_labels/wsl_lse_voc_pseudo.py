# For tools/generate_pseudo_labels.py: see wsl_lse_voc6_pseudo.py, whose hyper-parameters it has, but one threshold for
# all classes.
_base_ = ['../priors/wsl_lse_voc_seg.py', '../_base_/postprocessing/pseudo_labels.py']
model = dict(inference=dict(postprocessors=_base_.pseudo_labels_chain))
