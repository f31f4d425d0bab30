"""A small dataset of synthetic images with subfolders and equal stems, and a finished project."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mmwsl.apis.project import Project
from mmwsl.cli.main import main
from mmwsl.datasets.shapes import SHAPES_CLASSES
from mmwsl.datasets.synthetic import draw_layout, render_image, render_mask

SIZE = 64
ORDER = ('background', *sorted(SHAPES_CLASSES[1:]))
VALUES = np.array([ORDER.index(name) for name in SHAPES_CLASSES], np.uint8)
"""Values of the masks: classes are sorted by name."""


def write_shapes(root, count=16):
    """Write images, a table of labels, a list of four validation images and all masks.

    Two images are `same.jpg` and `same.png`, and one is in a subfolder.
    """
    names = [f'{index:02d}.png' for index in range(count)]
    names[:3] = ['same.jpg', 'same.png', 'sub/00.png']
    rows = ['image\tlabels']
    for index, name in enumerate(names):
        objects = draw_layout(3, index, SIZE)
        rows.append(f'{name}\t{"; ".join(sorted({SHAPES_CLASSES[item.label] for item in objects}))}')
        mask = f'{name if name.startswith("same") else name[:-4]}.png'
        for folder, file, pixels in (
            ('images', name, render_image(objects, SIZE, 3, index)),
            ('masks', mask, VALUES[render_mask(objects, SIZE)]),
        ):
            path = root / folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    (root / 'labels.tsv').write_text('\n'.join(rows) + '\n')
    (root / 'val.txt').write_text('\n'.join([names[0], *names[-3:]]) + '\n')
    return SimpleNamespace(root=root, images=root / 'images', names=names, val=[names[0], *names[-3:]])


@pytest.fixture(scope='session')
def data(tmp_path_factory):
    """The dataset of `write_shapes`."""
    return write_shapes(tmp_path_factory.mktemp('data'))


def arguments(data, project, *more):
    """Return the arguments of a short run."""
    files = ['--labels', str(data.root / 'labels.tsv'), '--val', str(data.root / 'val.txt')]
    return ['run', str(data.images), *files, '--out', str(project), '--no-pretrained', '--epochs', '1', *more]


@pytest.fixture(scope='session')
def finished(data, tmp_path_factory):
    """A finished project of the dataset, whose validation images have masks."""
    masks = tmp_path_factory.mktemp('val') / 'masks'
    for name in data.val:
        stem = name if name.startswith('same') else name[:-4]
        masks.mkdir(exist_ok=True)
        (masks / f'{stem}.png').write_bytes((data.root / 'masks' / f'{stem}.png').read_bytes())
    root = tmp_path_factory.mktemp('project') / 'shapes'
    main(arguments(data, root, '--masks', str(masks)))
    return Project(root)
