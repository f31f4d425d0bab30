# Texts of CLIP-ES (Lin et al., CVPR 2023, clip_text.py of its code) for PASCAL VOC 2012: those that are not the name of
# the class, and the words for the background. The authors selected the template by the variance of CLIP's scores over
# images, without masks (the exact formula is not verified).
templates = ['a clean origami {}.']
class_prompts = dict(
    bird='bird avian', chair='chair seat', person='person with clothes,people,human', tvmonitor='tvmonitor screen'
)
background_prompts = [
    'ground',
    'land',
    'grass',
    'tree',
    'building',
    'wall',
    'sky',
    'lake',
    'water',
    'river',
    'sea',
    'railway',
    'railroad',
    'keyboard',
    'helmet',
    'cloud',
    'house',
    'mountain',
    'ocean',
    'road',
    'rock',
    'street',
    'valley',
    'bridge',
    'sign',
]
