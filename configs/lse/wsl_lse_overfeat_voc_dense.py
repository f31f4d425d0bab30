# The recipe of Pinheiro & Collobert (CVPR 2015) with a score at every pixel: the paper shifts the image and runs the
# network again, here one dense network gives the same scores. 4 GiB bound the activations of large images.
_base_ = ['wsl_lse_overfeat_voc.py']
model = dict(inference=dict(scorer=dict(type='mmwsl.DenseScorer', stride=1, max_memory=4 * 2**30)))
