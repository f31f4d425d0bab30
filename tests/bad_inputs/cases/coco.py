"""COCO files and arguments of ``coco-masks``."""

import json

from ..harness import Case, case
from .data import Change, all_of
from .outputs import command, holding

MASKS = 'coco-masks coco.json --out new'
NOTHING = dict(absent=('new',))
SQUARE = [[1, 1, 20, 1, 20, 20, 1, 20]]


def coco(image: dict | None = None, item: dict | None = None, **changes: object) -> Change:
    """Return a function that writes a COCO file of two images with one instance each, changed."""
    file = dict(
        images=[dict(id=i, file_name=f'{i:02}.png', height=48, width=48) | (image or {}) for i in range(2)],
        categories=[dict(id=1, name='ring'), dict(id=2, name='star')],
        annotations=[
            dict(id=i, image_id=i, category_id=1 + i, segmentation=SQUARE, bbox=[1, 1, 19, 19]) | (item or {})
            for i in range(2)
        ],
    )
    return lambda root: (root / 'coco.json').write_text(json.dumps(file | changes))


def named(*names: str) -> Change:
    """Return a function that writes a COCO file of images with these names, without instances."""
    images = [dict(id=index, file_name=name, height=48, width=48) for index, name in enumerate(names)]
    return coco(images=images, annotations=[])


CASES: list[Case] = [
    case('no file is given', 'coco-masks --out new', 'rejected', 'ANN_FILE', **NOTHING),
    case('--out is forgotten', 'coco-masks coco.json', 'rejected', '--out', prepare=coco()),
    case('--out is a file', 'coco-masks coco.json --out val.txt', 'rejected', '--out', 'val.txt', prepare=coco()),
    case(
        '--out is the file itself',
        'coco-masks coco.json --out coco.json --overwrite',
        'rejected',
        '--out',
        'coco.json',
        prepare=coco(),
    ),
    case(
        '--out is around the file',
        'coco-masks coco.json --out . --overwrite',
        'rejected',
        '--out',
        'coco.json',
        prepare=coco(),
    ),
    case('--out is there', MASKS, 'rejected', '--overwrite', prepare=all_of(coco(), command(MASKS))),
    case('--out holds files of others', 'coco-masks coco.json --out masks', 'rejected', 'masks', prepare=coco()),
    case(
        '--overwrite: an image has no size',
        f'{MASKS} --overwrite',
        'rejected',
        'height',
        prepare=all_of(coco(), command(MASKS), coco(dict(height=None))),
    ),
    case(
        '--overwrite: files of others stay',
        'coco-masks coco.json --out mine --overwrite',
        'done',
        prepare=all_of(coco(), holding('a.png', 'b/c.txt')),
    ),
    case('--overwrite with a value', f'{MASKS} --overwrite=1', 'rejected', '--overwrite', prepare=coco(), **NOTHING),
    case('the file is a folder', 'coco-masks images --out new', 'rejected', 'images', **NOTHING),
    case('the file is an image', 'coco-masks images/00.png --out new', 'rejected', 'images/00.png', **NOTHING),
    case(
        'a file name outside the folder',
        MASKS,
        'rejected',
        '../masks/00.png',
        prepare=named('../masks/00.png'),
        **NOTHING,
    ),
    case(
        'a file name from the root',
        MASKS,
        'rejected',
        '/tmp/00.png',
        prepare=named('/tmp/00.png'),
        **NOTHING,
    ),
    case('a file name of nothing', MASKS, 'rejected', 'file_name', prepare=named(''), **NOTHING),
    case('a file name of dots', MASKS, 'rejected', 'file_name', prepare=named('..'), **NOTHING),
    case('a file name with NUL', MASKS, 'rejected', 'file_name', prepare=named('a\0.png'), **NOTHING),
    case(
        'a file name of 300 characters',
        MASKS,
        'rejected',
        'File name too long',
        prepare=named('n' * 300),
        **NOTHING,
    ),
    case(
        'two images of one mask file',
        MASKS,
        'rejected',
        'a.',
        prepare=named('a.jpg', 'a.png'),
        **NOTHING,
    ),
    case(
        'a mask file that is the folder of another',
        MASKS,
        'rejected',
        'a.png',
        prepare=named('a.png', 'a.png/b.png'),
        **NOTHING,
    ),
    case('no images', MASKS, 'rejected', 'images', prepare=coco(images=[], annotations=[]), **NOTHING),
    case('a height of a text', MASKS, 'rejected', 'height', prepare=coco(dict(height='48'))),
    case(
        'a polygon of texts', MASKS, 'rejected', 'a polygon must be', prepare=coco(item=dict(segmentation=[['a'] * 6]))
    ),
    case(
        'a polygon of NaN',
        MASKS,
        'rejected',
        'a polygon must be',
        prepare=coco(item=dict(segmentation=[[float('nan')] * 6])),
    ),
    case(
        'an unknown category',
        MASKS,
        'rejected',
        'refers to category 7',
        prepare=coco(item=dict(category_id=7)),
        **NOTHING,
    ),
    case(
        '300 categories',
        MASKS,
        'rejected',
        'categories',
        prepare=coco(categories=[dict(id=i, name=f'c{i}') for i in range(300)]),
    ),
]
