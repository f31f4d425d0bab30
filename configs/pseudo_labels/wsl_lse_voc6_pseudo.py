# For tools/generate_pseudo_labels.py, which uses the image-level labels: for a class that is known to be present, the
# objectness delimits an object better than the saturated probability of the network.
_base_ = ['../priors/wsl_lse_voc6_seg.py', '../_base_/postprocessing/voc6_pseudo_labels.py']
model = dict(inference=dict(postprocessors=_base_.voc6_pseudo_labels))
