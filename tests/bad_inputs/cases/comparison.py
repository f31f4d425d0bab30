"""Arguments of ``compare``."""

from ..harness import Case, case
from .checkpoints import with_code
from .data import content, half, remove
from .outputs import holding

COMPARE = 'compare work --out new'
BAD = 'compare wsl.py:bad.pth --out new'
NOTHING = dict(absent=('new',))

CASES: list[Case] = [
    case('no runs', 'compare', 'rejected', 'RUN'),
    case(
        'a checkpoint in place of its folder',
        'compare work/epoch_2.pth --out new',
        'rejected',
        'work/epoch_2.pth',
        **NOTHING,
    ),
    case('a config in place of a run', 'compare wsl.py --out new', 'rejected', 'wsl.py', **NOTHING),
    case('a config that is not there', 'compare none.py:work/epoch_2.pth --out new', 'rejected', 'none.py', **NOTHING),
    case('a project', 'compare project --out new', 'rejected', 'project', **NOTHING),
    case(
        'the folder of an unfinished training',
        COMPARE,
        'rejected',
        'work',
        prepare=remove('work/epoch_1.pth', 'work/epoch_2.pth', 'work/last_checkpoint'),
        **NOTHING,
    ),
    case('--out is a file', 'compare work --out val.txt', 'rejected', '--out', 'val.txt'),
    case('--out is the run', 'compare work --out work', 'rejected', '--out', 'work'),
    case('--max-images 0', f'{COMPARE} --max-images 0', 'rejected', '--max-images', **NOTHING),
    case('--max-images all', f'{COMPARE} --max-images all', 'rejected', '--max-images', 'all', **NOTHING),
    case('--num-images some', f'{COMPARE} --num-images some', 'rejected', '--num-images', 'some', **NOTHING),
    case('--num-images 1000000', f'{COMPARE} --num-images 1000000', 'done', 'new'),
    case(
        '--cfg-options: misspelled',
        f'{COMPARE} --cfg-options test_dataloder.batch_size=2',
        'rejected',
        'test_dataloader',
        **NOTHING,
    ),
    case('--cfg-options: no value', f'{COMPARE} --cfg-options test_dataloader', 'rejected', '--cfg-options', **NOTHING),
    case(
        '--cfg-options: eats the runs',
        'compare --out new --cfg-options test_dataloader.batch_size=2 work',
        'rejected',
        '--cfg-options',
        "'work'",
        **NOTHING,
    ),
    case(
        '--cfg-options: no metric',
        f'{COMPARE} --cfg-options test_evaluator=None',
        'done',
        'new',
    ),
    case(
        'code in the file, without --trust-checkpoint',
        BAD,
        'rejected',
        '--trust-checkpoint',
        prepare=with_code,
        absent=('CODE_RAN', 'new'),
    ),
    case(
        '--trust-checkpoint: a text',
        f'{BAD} --trust-checkpoint',
        'rejected',
        'bad.pth',
        prepare=content(b'text', 'bad.pth'),
        **NOTHING,
    ),
    case('--overwrite: the folder of masks', 'compare work --out masks --overwrite', 'rejected', '--out', 'masks'),
    case('--overwrite: around the images', 'compare work --out . --overwrite', 'rejected', '--out'),
    case(
        '--overwrite: files of others stay',
        'compare work --out mine --overwrite --max-images 1',
        'done',
        prepare=holding('a.png', 'b/c.txt'),
    ),
    case('--check-data maybe', f'{COMPARE} --check-data maybe', 'rejected', '--check-data', **NOTHING),
    case(
        '--check-data off and half an image',
        f'{COMPARE} --check-data off',
        'rejected',
        '08.png',
        prepare=half('images/08.png'),
        **NOTHING,
    ),
]
