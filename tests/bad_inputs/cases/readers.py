"""How images and masks are loaded: formats, names, views, and what a dataset takes over from its transforms."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from .configs import OWN, inherits
from .data import all_of

TEST = 'test own.py work/epoch_2.pth --work-dir new'
SUFFIXES = "test_dataloader = dict(dataset=dict(img_suffix=('.png', '.jpg')))"
VIEWS = (
    "tta_pipeline = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='TestTimeAug', transforms=["
    "[dict(type='Resize', scale_factor=1.0, keep_ratio=True)], {more}[dict(type='mmwsl.PackImageLabelInputs')]])]"
)


def narrow(root: Path) -> None:
    """Add an image that cannot be resized to the size of a network."""
    Image.fromarray(np.zeros((2, 20000, 3), np.uint8)).save(root / 'images/wide.png')


def gif(root: Path) -> None:
    """Turn an image into another format, and name it in the list."""
    Image.open(root / 'images/02.png').convert('P').save(root / 'images/02.gif')
    (root / 'images/02.png').unlink()
    table = root / 'train.csv'
    table.write_text(table.read_text().replace('02.png', '02.gif'))


def equal_stems(root: Path) -> None:
    """Add a copy of an image in another format, list both, and name their masks after the whole names."""
    Image.open(root / 'images/08.png').save(root / 'images/08.jpg')
    table = root / 'val.csv'
    table.write_text(f'{table.read_text()}08.jpg,circle\n')
    for name in ('08.png', '08.jpg'):
        shutil.copy(root / 'masks/08.png', root / f'masks/{name}.png')


def both_masks(folder: str) -> Callable[[Path], None]:
    """Return a function that checks that there is a mask of each image."""

    def check(root: Path) -> None:
        names = sorted(path.name for path in (root / folder).rglob('*.png'))
        assert len(names) == 5 and sum(name.startswith('08') for name in names) == 2, names

    return check


def without_base(root: Path) -> None:
    """Move the config that a project inherits from."""
    shutil.copytree(root / 'project', root / 'moved')
    for path in (root / 'moved').glob('*.py'):
        lines = path.read_text().splitlines()
        changed = [f"_base_ = ['{root}/gone.py']" if line.startswith('_base_') else line for line in lines]
        path.write_text('\n'.join(changed))


CASES: list[Case] = [
    case(
        'predict: an image of 20000x2, to be resized',
        'predict project images --out new',
        'failed',
        'wide.png',
        'cannot be transformed',
        'too narrow?',
        '12 of 13',
        prepare=narrow,
    ),
    case(
        'a .gif in the list of a training',
        OWN,
        'rejected',
        '02.gif',
        prepare=all_of(gif, inherits('')),
        absent=('new',),
    ),
    case(
        'on_bad_image given to the dataset',
        OWN,
        'rejected',
        'on_bad_image',
        prepare=inherits("train_dataloader = dict(dataset=dict(on_bad_image='skip'))"),
        absent=('new',),
    ),
    case(
        'on_bad_image of an unknown kind',
        OWN,
        'rejected',
        "`on_bad_image` must be one of ('error', 'skip')",
        prepare=inherits(
            "train_pipeline = [dict(type='mmwsl.LoadImageAsBGR', on_bad_image='ignore')]\n"
            'train_dataloader = dict(dataset=dict(pipeline=train_pipeline))'
        ),
        absent=('new',),
    ),
    case(
        'views without masks in an evaluation',
        f'{TEST} --tta',
        'rejected',
        'LoadAnnotations',
        prepare=inherits(VIEWS.format(more='')),
    ),
    case(
        'views with masks in an evaluation',
        f'{TEST} --tta',
        'done',
        'mIoU',
        prepare=inherits(VIEWS.format(more="[dict(type='LoadAnnotations')], ")),
    ),
    case(
        'equal stems: test --out',
        f'{TEST} --out made',
        'done',
        'made (5 images)',
        prepare=all_of(equal_stems, inherits(SUFFIXES)),
        verify=both_masks('made'),
    ),
    case(
        'equal stems: labels',
        'generate-pseudo-labels own.py work/epoch_2.pth --out new --split test',
        'done',
        '5 images',
        prepare=all_of(equal_stems, inherits(SUFFIXES)),
        verify=both_masks('new/masks'),
    ),
    case(
        'the base of a config of a project is gone',
        'predict moved images --out new',
        'rejected',
        'gone.py',
        '`mmwsl run',
        prepare=without_base,
    ),
]
