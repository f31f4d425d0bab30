"""Own images: ``check``."""

import json
import os
import shutil
from pathlib import Path

from ..harness import Case, case
from .data import Change, all_of, content, half, remove
from .own_images import CHECK, DATA, gif, labels


def coco(**changes: object) -> Change:
    """Return a function that writes a COCO file of labels, changed."""
    file = dict(
        images=[dict(id=i, file_name=f'{i:02}.png') for i in range(4)],
        categories=[dict(id=1, name='ring'), dict(id=2, name='star')],
        annotations=[dict(id=i, image_id=i, category_id=1 + i % 2, bbox=[0, 0, 4, 4]) for i in range(4)],
    )
    return lambda root: (root / 'labels.json').write_text(json.dumps(file | changes))


def class_folders(root: Path) -> None:
    """Sort images into class folders, one of which is empty."""
    for index, name in enumerate(('ring', 'star', 'dog')):
        (root / 'folders' / name).mkdir(parents=True)
        for number in range(4 * index, 4 * index + 4 if name != 'dog' else 0):
            shutil.copy(root / f'images/{number:02}.png', root / 'folders' / name)


CASES: list[Case] = [
    case(
        'check: a class folder without images',
        'check folders --labels folders',
        'done',
        '1 class folders have no image: dog.',
        prepare=class_folders,
    ),
    case(
        'check: thumbnails of a file server',
        CHECK,
        'done',
        '12 images, 12 of them with labels',
        prepare=lambda root: shutil.copytree(root / 'images/sub', root / 'images/@eaDir/00.png'),
    ),
    case(
        'check: no mask of a validation image',
        CHECK,
        'done',
        'no mask in',
        'no mIoU is measured',
        prepare=remove('masks/08.png', 'masks/09.png', 'masks/10.png', 'masks/sub/00.png'),
    ),
    case(
        'check: all images are for the validation',
        CHECK.replace('val.txt', 'labels.csv'),
        'rejected',
        'beside those of --val',
    ),
    case(
        'check: two images of one id',
        'check images --labels labels.json',
        'rejected',
        '`images`',
        'its own `id`',
        prepare=coco(images=[dict(id=0, file_name=f'{i:02}.png') for i in range(4)]),
    ),
    case(
        'check: two categories of one id',
        'check images --labels labels.json',
        'rejected',
        '`categories`',
        prepare=coco(categories=[dict(id=1, name='ring'), dict(id=1, name='star'), dict(id=2, name='cross')]),
    ),
    case(
        'check: a category without a name',
        'check images --labels labels.json',
        'rejected',
        '`categories`',
        prepare=coco(categories=[dict(id=1, name='ring'), dict(id=2, name=' ')]),
    ),
    case(
        'check: a page in place of a VOC annotation',
        'check images --labels xml',
        'rejected',
        '00.xml',
        '<annotation>',
        prepare=all_of(
            lambda root: (root / 'xml').mkdir(),
            content(b'<html><body>404</body></html>', 'xml/00.xml'),
            content(b'<annotation><object><name>ring</name></object></annotation>', 'xml/01.xml'),
        ),
    ),
    case(
        'check: nan as a label',
        CHECK,
        'rejected',
        'labels.csv',
        "'nan'",
        prepare=labels(lambda text: text.replace('ring', 'nan')),
    ),
    case(
        'check: labels from a pipe',
        CHECK.replace('labels.csv', 'pipe'),
        'rejected',
        'pipe',
        prepare=lambda root: os.mkfifo(root / 'pipe'),
    ),
    case('check: damaged image', CHECK, 'done', '02.png', prepare=half('images/02.png')),
    case('check: image of zero bytes', CHECK, 'done', '02.png', prepare=content(b'', 'images/02.png')),
    case('check: a .gif', CHECK, 'done', 'extra.gif', prepare=gif),
    case(
        'check: image without labels',
        CHECK,
        'done',
        '02',
        prepare=labels(lambda text: '\n'.join(line for line in text.splitlines() if not line.startswith('02')) + '\n'),
    ),
    case(
        'check: labels of an image that is not there',
        CHECK,
        'done',
        'gone',
        prepare=labels(lambda text: f'{text}gone.png,ring\n'),
    ),
    case(
        'check: two spellings of a class',
        CHECK.replace(' --masks masks', ''),
        'done',
        'Circle',
        prepare=labels(lambda text: text.replace('circle', 'Circle', 1)),
    ),
    case(
        'check: an image twice with other labels',
        CHECK,
        'rejected',
        '02',
        prepare=labels(lambda text: f'{text}02.png,ring\n02.png,star\n'),
    ),
    case(
        'check: an image under two names',
        CHECK,
        'done',
        'copy',
        prepare=all_of(
            lambda root: shutil.copy(root / 'images/02.png', root / 'images/copy.png'),
            labels(lambda text: f'{text}copy.png,ring\n'),
        ),
    ),
    case(
        'check: one class in every image',
        f'check {DATA}',
        'done',
        'every',
        prepare=labels(
            lambda text: (
                '\n'.join([text.splitlines()[0], *(f'{line.split(",")[0]},circle' for line in text.splitlines()[1:])])
                + '\n'
            )
        ),
    ),
    case('check: an unknown argument', f'{CHECK} --fast', 'rejected', '--fast'),
]
