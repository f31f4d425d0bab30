"""Tables of labels and lists of images of a dataset that a config names."""

import shutil
from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case
from ..sandbox import write_table
from .data import COMPARE, LABEL, TEST, TRAIN, TRAINING, TUNE, Change, content, remove


def table(*rows: str, file: str = 'train.csv', header: str = 'image,labels') -> Change:
    """Return a function that writes a table of labels."""
    return lambda root: write_table(root / file, *rows, header=header)


def rows(change: Callable[[str], str], file: str = 'train.csv') -> Change:
    """Return a function that changes the text of a table."""
    return lambda root: (root / file).write_text(change((root / file).read_text()))


def overlap(root: Path) -> None:
    """List a training image for validation."""
    row = (root / 'train.csv').read_text().splitlines()[2]
    (root / 'val.csv').write_text((root / 'val.csv').read_text() + row + '\n')


def copy_of_training(root: Path) -> None:
    """Store a training image for validation too, under another name."""
    name, labels = (root / 'train.csv').read_text().splitlines()[2].split(',')
    for folder in ('images', 'masks'):
        shutil.copy(root / folder / name, root / folder / 'copy.png')
    (root / 'val.csv').write_text((root / 'val.csv').read_text() + f'copy.png,{labels}\n')


def check_overlap(path: Path) -> None:
    """Check that a file names the overlap."""
    assert '"overlap' in path.read_text(), path.read_text()


def without_zeros(root: Path) -> None:
    """Remove the leading zeros of the names of images, as a spreadsheet does."""
    lines = (root / 'labels.csv').read_text().splitlines()
    lines = [line.lstrip('0') if line[:2] != '00' else line for line in lines]
    (root / 'labels.csv').write_text('\n'.join(lines) + '\n')


CHECK = 'check images --labels labels.csv'
CASES: list[Case] = [
    case(
        'table of Excel with the line sep=;',
        CHECK,
        'done',
        '12 images, 12 of them with labels',
        prepare=rows(lambda text: 'sep=;\n' + text.replace(';', '|').replace(',', ';'), 'labels.csv'),
    ),
    case(
        'table with the header twice',
        CHECK,
        'rejected',
        'labels.csv:14: a row must be an image, got the header again',
        prepare=rows(lambda text: f'{text}image,labels\n', 'labels.csv'),
    ),
    case(
        'table whose leading zeros a spreadsheet removed',
        CHECK,
        'rejected',
        '1.png may be 01.png: a spreadsheet removes leading zeros',
        prepare=without_zeros,
    ),
    *(
        case(
            f'table is {kind}',
            f'check images --labels {name}',
            'rejected',
            f'{name}: ',
            f'got {kind}',
            'as CSV',
            prepare=content(data, name),
        )
        for name, kind, data in (
            ('t.ods', 'a spreadsheet (.ods)', b'PK\x03\x04'),
            ('t.xls', 'a spreadsheet (.xls)', b'\xd0\xcf\x11\xe0'),
            ('t.sqlite', 'a database (.sqlite)', b'SQLite format 3\0'),
            ('x.csv', 'a workbook of Excel 97', b'\xd0\xcf\x11\xe0\xa1'),
            ('d.csv', 'an SQLite database', b'SQLite format 3\0'),
        )
    ),
    case('table is missing', TRAIN, 'rejected', 'train.csv', prepare=remove('train.csv')),
    case('table is empty', TRAIN, 'rejected', 'train.csv', prepare=content(b'', 'train.csv')),
    case('table has a header only', TRAIN, 'rejected', 'train.csv', prepare=table()),
    case('table without a header', TRAIN, 'rejected', 'train.csv', prepare=rows(lambda text: text.split('\n', 1)[1])),
    case(
        'table with other columns',
        TRAIN,
        'rejected',
        'train.csv',
        'labels',
        prepare=rows(lambda text: text.replace('image,labels', 'image,marks')),
    ),
    case(
        'table with an unknown class',
        TRAIN,
        'rejected',
        'hexagon',
        prepare=rows(lambda text: text.replace('circle', 'hexagon', 1)),
    ),
    case(
        'table with a misspelled class',
        TRAIN,
        'rejected',
        'cirlce',
        prepare=rows(lambda text: text.replace('circle', 'cirlce', 1)),
    ),
    case(
        'table with an image twice, other labels',
        TRAIN,
        'rejected',
        '02',
        prepare=rows(lambda text: f'{text}02.png,ring\n02.png,star\n'),
    ),
    case(
        'check: a one-hot table with another value',
        'check images --labels hot.csv',
        'rejected',
        'hot.csv:3',
        "'star'",
        "'maybe'",
        prepare=content(b'image,ring,star\n00.png,0,1\n01.png,1,maybe\n02.png,1,0\n', 'hot.csv'),
    ),
    case(
        'check: a table in a binary format',
        'check images --labels labels.parquet',
        'rejected',
        'labels.parquet',
        'Save it as CSV',
        prepare=content(b'PAR1', 'labels.parquet'),
    ),
    case(
        'table and a separator that it does not have',
        f'{TRAIN} --cfg-options train_dataloader.dataset.label_cfg.separator=/',
        'rejected',
        'train.csv',
        '`separator`',
    ),
    case(
        'table and one column for images and labels',
        f'{TRAIN} --cfg-options train_dataloader.dataset.label_cfg.label_column=image',
        'rejected',
        'train.csv',
        '`label_column`',
    ),
    case(
        'table with another separator',
        TRAIN,
        'rejected',
        'train.csv',
        prepare=rows(lambda text: text.replace(';', '|')),
    ),
    case('table with an unknown image', TRAIN, 'rejected', 'gone', prepare=rows(lambda text: f'{text}gone.png,ring\n')),
    case(
        'table with a path outside',
        TRAIN,
        'rejected',
        '../masks/02.png',
        prepare=rows(lambda text: f'{text}../masks/02.png,ring\n'),
    ),
    case(
        'table in UTF-16',
        TRAIN,
        'done',
        'Epoch',
        prepare=lambda root: (root / 'train.csv').write_text((root / 'train.csv').read_text(), encoding='utf-16'),
    ),
    case(
        'folder of shared rows is a file',
        TRAIN,
        'rejected',
        'MMWSL_SHARED_ROWS',
        environment={'MMWSL_SHARED_ROWS': 'images/00.png'},
    ),
    case(
        'table is an image',
        TRAIN,
        'rejected',
        'train.csv',
        prepare=lambda root: shutil.copy(root / 'images/00.png', root / 'train.csv'),
    ),
    case(
        'table is a folder', f'{TRAIN} --cfg-options train_dataloader.dataset.label_file=images', 'rejected', 'images'
    ),
    case(
        'table with an open quote', TRAIN, 'rejected', 'train.csv', prepare=rows(lambda text: text + '"03.png,ring\n')
    ),
    case(
        'table with NUL bytes',
        TRAIN,
        'rejected',
        'train.csv',
        prepare=content(b'image,labels\n00.png,\0\n', 'train.csv'),
    ),
    case(
        'table without labels at all',
        TRAIN,
        'done',
        'train no class',
        prepare=table(*(f'{name}.png,' for name in TRAINING)),
    ),
    case(
        'table lists background as a class',
        TRAIN,
        'rejected',
        'background',
        prepare=rows(lambda text: text.replace('circle', 'background', 1)),
    ),
    case(
        'table without one class',
        TRAIN,
        'done',
        'cross',
        'not trained',
        prepare=rows(lambda text: text.replace('cross', 'ring')),
    ),
    case('a training image is a validation image', TRAIN, 'done', 'overlap', prepare=overlap),
    case('a training image is a validation image: test', TEST, 'done', 'overlap', prepare=overlap),
    case('a training image under another name', TEST, 'done', 'overlap', 'copy', prepare=copy_of_training),
    case(
        'a training image is a validation image: thresholds',
        f'{TUNE} --work-dir tuned',
        'done',
        'overlap_images: 1',
        prepare=overlap,
        verify=lambda root: check_overlap(root / 'new.json'),
    ),
    case(
        'a training image is a validation image: scalars',
        TRAIN,
        'done',
        prepare=overlap,
        verify=lambda root: check_overlap(next((root / 'new').rglob('scalars.json'))),
    ),
    case('a training image is a validation image: compare', COMPARE, 'done', 'overlap', prepare=overlap),
    case(
        'pseudo-labels: no image of the list',
        f'{LABEL} --ann-file empty.txt',
        'rejected',
        'empty.txt',
        prepare=content(b'\n\n', 'empty.txt'),
    ),
    case('pseudo-labels: --gt-masks without masks', f'{LABEL} --gt-masks none', 'rejected', 'none'),
]
