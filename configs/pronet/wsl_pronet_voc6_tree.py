# ProNet as a tree: level 2 has one network for cats and dogs, one for the other animals and one for persons.
_base_ = ['wsl_pronet_voc6_chain.py']
model = dict(groups=[(1, 3), (2, 4, 6), (5,)])
