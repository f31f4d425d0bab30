# ProNet as a tree: level 2 has one VGG-16 for animals, one for vehicles, one for indoor objects and one for persons.
# The groups are VOC's own; those of the paper are not verified.
_base_ = ['wsl_pronet_voc_chain.py']
model = dict(groups=[(3, 8, 10, 12, 13, 17), (1, 2, 4, 6, 7, 14, 19), (5, 9, 11, 16, 18, 20), (15,)])
