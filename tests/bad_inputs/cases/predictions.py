"""Arguments of ``predict``."""

from ..harness import Case, case
from .checkpoints import with_code
from .data import all_of
from .outputs import command, holding
from .own_images import KEPT
from .projects import PREDICT

CASES: list[Case] = [
    case('--scores with a value', f'{PREDICT} --scores=8', 'rejected', '--scores', **KEPT),
    case('--scores in place of the images', 'predict project --scores --out new', 'rejected', 'IMAGES', **KEPT),
    case(
        '--scores of a network that cannot write them',
        'predict fsl.py images --checkpoint supervised/epoch_2.pth --out new --scores',
        'done',
        '12 of 12',
    ),
    case(
        '--scores, and a file has the name of their folder',
        f'{PREDICT} --scores',
        'rejected',
        'new/scores',
        prepare=all_of(command(PREDICT), lambda root: (root / 'new/scores').write_text('mine')),
        changes=('new/predictions.jsonl',),
    ),
    case(
        '--tta without views',
        'predict wsl.py images --checkpoint supervised/epoch_2.pth --out new --tta',
        'rejected',
        'tta_pipeline',
        prepare=lambda root: (root / 'wsl.py').write_text((root / 'wsl.py').read_text() + 'tta_pipeline = None\n'),
        changes=('wsl.py',),
    ),
    case(
        '--overwrite: the folder of images',
        'predict project images --out images --overwrite',
        'rejected',
        '--out',
        'images',
    ),
    case(
        '--overwrite: the project',
        'predict project images --out project --overwrite',
        'rejected',
        '--out',
        'project',
    ),
    case(
        '--overwrite: files of others stay',
        'predict project images --out mine --overwrite',
        'done',
        '12 of 12',
        prepare=holding('a.png', 'masks/c.txt'),
    ),
    case(
        'another network without --overwrite',
        'predict fsl.py images --checkpoint supervised/epoch_2.pth --out new',
        'rejected',
        '--overwrite',
        prepare=command(PREDICT),
    ),
    case(
        '--overwrite, and the network does not fit',
        'predict wsl.py images --checkpoint supervised/epoch_2.pth --out new --overwrite',
        'rejected',
        'must fit the config',
        prepare=command(PREDICT),
    ),
    case(
        '--cfg-options: misspelled',
        f'{PREDICT} --cfg-options test_dataloder.batch_size=2',
        'rejected',
        'test_dataloader',
        **KEPT,
    ),
    case('--cfg-options: nothing', f'{PREDICT} --cfg-options', 'rejected', '--cfg-options', **KEPT),
    case(
        '--cfg-options: eats the images',
        'predict project --out new --cfg-options test_dataloader.batch_size=2 images',
        'rejected',
        'images',
        **KEPT,
    ),
    case(
        '--cfg-options: another number of classes',
        f'{PREDICT} --cfg-options model.decode_head.num_classes=3',
        'rejected',
        '--checkpoint must fit the config',
        **KEPT,
    ),
    case(
        'code in the file, without --trust-checkpoint',
        'predict wsl.py images --checkpoint bad.pth --out new',
        'rejected',
        '--trust-checkpoint',
        prepare=with_code,
        absent=('CODE_RAN', 'new'),
    ),
    case(
        '--trust-checkpoint: a text',
        'predict wsl.py images --checkpoint val.txt --out new --trust-checkpoint',
        'rejected',
        'val.txt',
        **KEPT,
    ),
    case(
        '--checkpoint of another network for a project',
        f'{PREDICT} --checkpoint supervised/epoch_2.pth',
        'rejected',
        'must fit the config',
        **KEPT,
    ),
]
