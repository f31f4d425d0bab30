"""Arguments of ``tune-thresholds``."""

from ..harness import Case, case
from .checkpoints import with_code
from .data import changed_mask, content, half, remove

TUNE = 'tune-thresholds wsl.py work/epoch_2.pth'
NEW = f'{TUNE} --out new.json'
NOTHING = dict(absent=('new.json',))

CASES: list[Case] = [
    case('no config', 'tune-thresholds none.py work/epoch_2.pth', 'rejected', 'none.py'),
    case('the checkpoint is forgotten', 'tune-thresholds wsl.py', 'rejected', 'checkpoint'),
    case('config and checkpoint swapped', 'tune-thresholds work/epoch_2.pth wsl.py', 'rejected', 'Pass CONFIG first'),
    case('a network without scores', 'tune-thresholds fsl.py supervised/epoch_2.pth', 'rejected', '`model.type`'),
    case('--ann-file: no file', f'{NEW} --ann-file none.txt', 'rejected', 'none.txt', **NOTHING),
    case('--ann-file is a folder', f'{NEW} --ann-file images', 'rejected', 'images', **NOTHING),
    case('--ann-file is an image', f'{NEW} --ann-file images/00.png', 'rejected', 'images/00.png', **NOTHING),
    case(
        '--ann-file: empty',
        f'{NEW} --ann-file list.txt',
        'rejected',
        'list.txt',
        prepare=content(b'', 'list.txt'),
        **NOTHING,
    ),
    case(
        '--ann-file: images that are not there',
        f'{NEW} --ann-file list.txt',
        'rejected',
        'list.txt',
        prepare=content(b'77\n', 'list.txt'),
        **NOTHING,
    ),
    case('--max-images 0', f'{NEW} --max-images 0', 'rejected', '--max-images', **NOTHING),
    case('--max-images few', f'{NEW} --max-images few', 'rejected', '--max-images', 'few', **NOTHING),
    case('--max-images without a number', f'{NEW} --max-images', 'rejected', '--max-images', **NOTHING),
    case(
        '--max-images: the first images have no objects',
        f'{NEW} --max-images 1',
        'rejected',
        'no pixel of any class',
        prepare=changed_mask(lambda mask: mask * 0, ['08']),
        **NOTHING,
    ),
    case('--out is the config', f'{TUNE} --out wsl.py --overwrite', 'rejected', '--out', 'wsl.py'),
    case('--overwrite: the checkpoint', f'{TUNE} --out work/epoch_2.pth --overwrite', 'rejected', '--out'),
    case('--overwrite: a mask', f'{TUNE} --out masks/08.png --overwrite', 'rejected', '--out'),
    case('--overwrite: the list of labels', f'{TUNE} --out val.csv --overwrite', 'rejected', '--out', 'val.csv'),
    case(
        '--overwrite: the list of images',
        f'{TUNE} --ann-file list.txt --out list.txt --overwrite',
        'rejected',
        '--out',
        'list.txt',
        prepare=content(b'08\n09\n', 'list.txt'),
    ),
    case('without --overwrite', f'{NEW} ', 'rejected', '--overwrite', 'new.json', prepare=content(b'mine', 'new.json')),
    case(
        '--overwrite: bad masks keep the old file',
        f'{NEW} --overwrite',
        'rejected',
        '08.png',
        prepare=lambda root: [content(b'mine', 'new.json')(root), half('masks/08.png')(root)],
    ),
    case(
        '--cfg-options: misspelled',
        f'{NEW} --cfg-options test_dataloder.batch_size=2',
        'rejected',
        'test_dataloader',
        **NOTHING,
    ),
    case('--cfg-options: no key', f'{NEW} --cfg-options =2', 'rejected', '--cfg-options', **NOTHING),
    case('--work-dir is a file', f'{NEW} --work-dir val.txt', 'rejected', '--work-dir', 'val.txt', **NOTHING),
    case(
        '--work-dir is the folder of images', f'{NEW} --work-dir images', 'rejected', '--work-dir', 'images', **NOTHING
    ),
    case(
        '--work-dir is a URL',
        f'{NEW} --work-dir s3://bucket/new',
        'rejected',
        'must be a folder on a disk',
        absent=('s3:', 'new.json'),
    ),
    case(
        '--work-dir without --out is a file',
        f'{TUNE} --work-dir val.txt',
        'rejected',
        '--work-dir must be a folder',
        'val.txt',
    ),
    case('--launcher pytorch alone', f'{NEW} --launcher pytorch', 'rejected', 'torchrun', '--launcher', **NOTHING),
    case('--launcher unknown', f'{NEW} --launcher ray', 'rejected', '--launcher', **NOTHING),
    case('--check-data no', f'{NEW} --check-data no', 'rejected', '--check-data', **NOTHING),
    case(
        '--check-data off and no mask',
        f'{NEW} --check-data off',
        'rejected',
        '08.png',
        prepare=remove('masks/08.png'),
        **NOTHING,
    ),
    case(
        '--check-data off and a mask of other classes',
        f'{NEW} --check-data off',
        'done',
        'thresholds',
        prepare=changed_mask(lambda mask: mask + 100, ['08']),
    ),
    case(
        '--trust-checkpoint: a config',
        f'{NEW.replace("work/epoch_2.pth", "fsl.py")} --trust-checkpoint',
        'rejected',
        'fsl.py',
        'another kind of file',
        **NOTHING,
    ),
    case(
        'code in the file, without --trust-checkpoint',
        NEW.replace('work/epoch_2.pth', 'bad.pth'),
        'rejected',
        '--trust-checkpoint',
        prepare=with_code,
        absent=('CODE_RAN', 'new.json'),
    ),
]
