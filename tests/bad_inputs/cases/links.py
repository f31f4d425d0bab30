"""Output folders with links below them, own results as outputs, and files of other images."""

import json
import shutil
from pathlib import Path

import numpy as np

from ..harness import Case, case
from .checkpoints import changed

LABEL = 'generate-pseudo-labels wsl.py work/epoch_2.pth --out pseudo --rethreshold --fg-threshold 0.3'


def linked(folder: str, target: str):
    """Return a function that replaces a folder by a link."""

    def link(root: Path) -> None:
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).parent.mkdir(exist_ok=True)
        (root / folder).symlink_to(root / target)

    return link


def thresholds(**more):
    """Return a function that writes thresholds."""

    def write(root: Path) -> None:
        classes = json.loads((root / 'project/summary.json').read_text())['classes']
        content = dict(classes=classes, thresholds=[0.3] * (len(classes) - 1), **more)
        (root / 't.json').write_text(json.dumps(content))

    return write


def both(*functions):
    """Return a function that calls all."""
    return lambda root: [function(root) for function in functions]


def narrow(root: Path) -> None:
    """Cut a column off the scores of an image."""
    path = root / 'pseudo/scores/03.npz'
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    np.savez_compressed(path, **arrays | dict(codes=arrays['codes'][:, :, :-1]))


def text_as_meta(checkpoint: dict) -> None:
    """Replace the meta data by a text."""
    checkpoint['meta'] = 'mine'


def upper_case(root: Path) -> None:
    """Write the names of the images with another suffix."""
    path = root / 'labels.csv'
    path.write_text(path.read_text().replace('.png', '.PNG'))


CASES: list[Case] = [
    case(
        'the masks of pseudo-labels are a link',
        LABEL,
        'rejected',
        'pseudo/masks',
        prepare=linked('pseudo/masks', 'masks'),
    ),
    case(
        'the masks of a project are a link',
        'label project --thresholds t.json',
        'rejected',
        'labels/masks',
        prepare=both(thresholds(), linked('project/labels/masks', 'masks')),
    ),
    case(
        'the masks of predictions are a link',
        'predict project images --out new --overwrite',
        'rejected',
        'new/masks',
        prepare=linked('new/masks', 'masks'),
    ),
    *(
        case(f'predict --out is {name} of its project', f'predict project images --out {name}{more}', 'rejected', name)
        for name in ('project/labels', 'project/predictions', 'project/report')
        for more in (' --overwrite',)
    ),
    case(
        'scores of another size',
        LABEL,
        'rejected',
        '03.npz',
        '48',
        prepare=narrow,
        changes=('pseudo/manifest.json', 'pseudo/.mmwsl_masks'),
    ),
    case(
        'thresholds with an object as their origin',
        'label project --thresholds t.json',
        'rejected',
        'tuned_on',
        prepare=thresholds(tuned_on=dict(a=1)),
    ),
    *(
        case(f'{name} --out .', f'{line} --out .', 'rejected', '--out')
        for name, line in (
            ('export', 'export project'),
            ('tune-thresholds', 'tune-thresholds wsl.py work/epoch_2.pth'),
        )
    ),
    case('meta data are a text', 'test wsl.py bad.pth', 'done', 'class names', prepare=changed(text_as_meta)),
    case(
        'letters of another case',
        'check images --labels labels.csv',
        'rejected',
        '00.PNG',
        prepare=lambda root: (root / 'labels.csv').write_text(
            (root / 'labels.csv').read_text().replace('.png', '.PNG')
        ),
    ),
]
