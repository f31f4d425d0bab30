"""A small dataset of synthetic images with subfolders and equal stems, a finished project, and one labeled by CLIP."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.project import Project
from mmwsl.apis.project.labels import project_items
from mmwsl.cli.main import main
from mmwsl.datasets.shapes import SHAPES_CLASSES
from mmwsl.datasets.synthetic import draw_layout, render_image, render_mask
from tests.tiny_transformers import write_clip

SIZE = 64
ORDER = ('background', *sorted(SHAPES_CLASSES[1:]))
VALUES = np.array([ORDER.index(name) for name in SHAPES_CLASSES], np.uint8)
"""Values of the masks: classes are sorted by name."""
PATCH = 24
"""Patch of the tiny CLIP: no divisor of the images, whose longer side becomes 512."""


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


@pytest.fixture(scope='session')
def clip_folder(tmp_path_factory):
    """A tiny CLIP of random weights; without `transformers` its tests are skipped."""
    return write_clip(tmp_path_factory.mktemp('models') / 'clip', patch=PATCH)


@pytest.fixture(scope='session')
def taught(finished, clip_folder, tmp_path_factory):
    """The finished project, labeled again by a tiny CLIP."""
    project = Project(shutil.copytree(finished.root, tmp_path_factory.mktemp('taught') / 'shapes'))
    main(['label', str(project.root), '--teacher', str(clip_folder)])
    return project


def scores_of(project):
    """Return the scores of all training images of a project, by name."""
    return {item.name: read_codes(item.scores) for item in project_items(project)}


def rejected(command, words, capfd):
    """Run a command that must end with one line."""
    with pytest.raises(SystemExit) as end:
        main(command)
    printed = capfd.readouterr().err.strip().splitlines()
    assert end.value.code == 2 and len(printed) == 1 and words in printed[0], printed
