"""Folders of pretrained models, and commands that ask a model without training for what it does not have."""

from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case

CONFIG = """_base_ = ['wsl.py']
model = dict(
    _delete_=True,
    type='mmwsl.CLIPSegmentor',
    backbone=dict(type='mmwsl.TransformerBackbone', folder='clip'),
    decode_head=dict(
        type='mmwsl.TextSimilarityHead',
        folder='clip',
        num_classes=3,
        class_names=['cat', 'dog'],
        background_prompts=['sky'],
    ),
)
"""
LABEL = 'generate-pseudo-labels clip.py --out new'
SAM = 'sam-masks images/sub --model clip --out new'
NOTHING = dict(absent=('new',))


def config(*files: tuple[str, str]) -> Callable[[Path], None]:
    """Return a function that writes the config, and files of the model folder."""

    def prepare(root: Path) -> None:
        (root / 'clip.py').write_text(CONFIG)
        for name, text in files:
            (root / 'clip').mkdir(exist_ok=True)
            (root / 'clip' / name).write_text(text)

    return prepare


CASES: list[Case] = [
    case('no model folder', LABEL, 'rejected', "model folder 'clip' does not exist", prepare=config(), **NOTHING),
    case(
        'a model folder of weights only',
        LABEL,
        'rejected',
        'has no config.json',
        prepare=config(('model.safetensors', '')),
        **NOTHING,
    ),
    case('sam-masks: no images', 'sam-masks none --model clip --out new', 'rejected', 'IMAGES', 'none', **NOTHING),
    case('sam-masks: no --model', 'sam-masks images/sub --model none.d --out new', 'rejected', 'none.d', **NOTHING),
    case('sam-masks: no --list', f'{SAM} --list none.txt', 'rejected', '--list', 'none.txt', **NOTHING),
    case('sam-masks: no point', f'{SAM} --points-per-side 0', 'rejected', '--points-per-side', **NOTHING),
    case('sam-masks: no precision', f'{SAM} --dtype half', 'rejected', '--dtype', 'half', **NOTHING),
    case('sam-masks: an IoU of 2', f'{SAM} --min-iou 2', 'rejected', '--min-iou', **NOTHING),
    case('sam-masks: a negative stability', f'{SAM} --min-stability -1', 'rejected', '--min-stability', **NOTHING),
    case('sam-masks: an unknown --device', f'{SAM} --device tpu9', 'rejected', 'tpu9', **NOTHING),
    case('sam-masks: --out is a file', 'sam-masks images/sub --model clip --out val.txt', 'rejected', 'val.txt'),
    case(
        'sam-masks: --overwrite of the images',
        'sam-masks images/sub --model clip --out images/sub --overwrite',
        'rejected',
        '--out',
        'images/sub',
    ),
    case('a training of CLIP', 'train clip.py', 'rejected', 'must be a model that is trained', prepare=config()),
]
