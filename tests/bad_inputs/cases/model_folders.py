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
    case('a training of CLIP', 'train clip.py', 'rejected', 'must be a model that is trained', prepare=config()),
]
