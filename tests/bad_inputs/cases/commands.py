"""Arguments of the other commands that no case of a group of its own is about."""

from ..harness import Case, case
from .checkpoints import with_code
from .configs import TRAIN, inherits
from .data import half, remove
from .outputs import holding
from .own_images import CHECK, KEPT, RUN

TEST = 'test wsl.py work/epoch_2.pth --work-dir new'
EXPORT = 'export wsl.py --checkpoint work/epoch_2.pth --out new.onnx'
PRINT = 'print-config wsl.py'
FILE = dict(absent=('new.onnx',))
CONFIG = dict(absent=('new.py',))
NO_MODEL, NO_DATA = inherits('model = None'), inherits('test_dataloader = None\ntest_evaluator = test_cfg = None')

CASES: list[Case] = [
    *(
        case(
            f'{name}={value} in the environment', line, 'rejected', name, repr(value), environment={name: value}, **KEPT
        )
        for name, value in dict(MMWSL_CONFIGS='nothing', LOCAL_RANK='abc', RANK='-1', WORLD_SIZE='1.0').items()
        for line in ('train wsl.py --work-dir new',)
    ),
    *(
        case(f'{command.split()[0]}: a config without {key}', command, 'rejected', f'`{key}`', prepare=prepare)
        for command in (
            'tune-thresholds own.py work/epoch_2.pth',
            'fit-zoom-out own.py work/epoch_2.pth',
            'generate-pseudo-labels own.py work/epoch_2.pth --out new',
            'predict own.py images --checkpoint work/epoch_2.pth --out new',
            'export own.py --checkpoint work/epoch_2.pth --out new.onnx',
            'compare own.py:work/epoch_2.pth --out new',
        )
        for key, prepare in (('model', NO_MODEL), ('test_dataloader', NO_DATA))
    ),
    case('check: --separator that no cell has', f'{CHECK} --separator /', 'rejected', '--separator', 'labels.csv'),
    case('check: --separator without a value', f'{CHECK} --separator', 'rejected', '--separator'),
    case('check: --separator is empty', f"{CHECK} --separator ''", 'rejected', '--separator: must not be empty'),
    case('run: --separator that no cell has', f'{RUN} --separator /', 'rejected', '--separator', 'labels.csv', **KEPT),
    case('run: --separator twice', f'{RUN} --separator ";" --separator "/"', 'rejected', '--separator', **KEPT),
    case('run: --amp of another name', f'{RUN} --amp half', 'rejected', '--amp', "'half'", **KEPT),
    case('run: --check-data no', f'{RUN} --check-data no', 'rejected', '--check-data', **KEPT),
    case(
        'run: --no-pretrained with a file of weights',
        f'{RUN} --backbone imagenet.pth',
        'rejected',
        '--no-pretrained',
        '--backbone must be a name',
        **KEPT,
    ),
    case(
        'run: --overwrite of a folder of others',
        RUN.replace('new', 'mine') + ' --overwrite',
        'rejected',
        'mine',
        prepare=holding('a.png', 'b/c.txt'),
    ),
    case(
        'train: --overwrite with --resume',
        'train wsl.py --work-dir work --resume --overwrite',
        'rejected',
        '--overwrite',
        '--resume',
    ),
    case(
        'train: --overwrite, and no image can be read',
        'train wsl.py --work-dir work --overwrite',
        'rejected',
        'images',
        prepare=remove('images'),
    ),
    case(
        'train: --overwrite, and the options are wrong',
        'train wsl.py --work-dir work --overwrite --cfg-options optim_wrapper.optimizer.lr=-1',
        'rejected',
        'learning rate',
    ),
    case(
        'train: --overwrite: the folder of masks',
        'train wsl.py --work-dir masks --overwrite',
        'rejected',
        '--work-dir',
        'masks',
    ),
    case(
        'train: --trust-checkpoint: weights that are a text',
        'train wsl.py --work-dir new --trust-checkpoint --cfg-options load_from=val.txt',
        'rejected',
        'val.txt',
        **KEPT,
    ),
    case(
        'train: code in the file, without --trust-checkpoint',
        f'{TRAIN} --cfg-options load_from=bad.pth',
        'rejected',
        '--trust-checkpoint',
        prepare=with_code,
        absent=('CODE_RAN',),
    ),
    case('train: --check-data yes', f'{TRAIN} --check-data yes', 'rejected', '--check-data', **KEPT),
    case(
        'train: --check-data off and half an image',
        f'{TRAIN} --check-data off',
        'rejected',
        '02.png',
        prepare=half('images/02.png'),
    ),
    case('train: --amp float16 without a GPU', f'{TRAIN} --amp float16', 'rejected', '--amp', 'GPU'),
    case('train: --amp of another name', f'{TRAIN} --amp fp16', 'rejected', '--amp', "'fp16'"),
    case(
        'train: --allow-mismatch without weights',
        f'{TRAIN} --allow-mismatch',
        'rejected',
        '--allow-mismatch',
        'load_from',
        **KEPT,
    ),
    case('test: --launcher pytorch alone', f'{TEST} --launcher pytorch', 'rejected', 'torchrun', '--launcher', **KEPT),
    case('test: --launcher unknown', f'{TEST} --launcher gpu', 'rejected', '--launcher', 'gpu', **KEPT),
    case(
        'test: --cfg-options: misspelled',
        f'{TEST} --cfg-options test_dataloder.batch_size=2',
        'rejected',
        'test_dataloader',
        **KEPT,
    ),
    case('test: --show without a screen', f'{TEST} --show', 'rejected', '--show', **KEPT),
    case(
        'test: --show without a hook that draws',
        'test own.py work/epoch_2.pth --show',
        'rejected',
        '--show',
        prepare=inherits('default_hooks = dict(visualization=None)'),
    ),
    case(
        'export: --overwrite: the checkpoint',
        EXPORT.replace('new.onnx', 'work/epoch_2.pth') + ' --overwrite',
        'rejected',
        '--out',
        'work/epoch_2.pth',
    ),
    case(
        'export: --overwrite: the config',
        EXPORT.replace('new.onnx', 'wsl.py') + ' --overwrite',
        'rejected',
        '--out',
        'wsl.py',
    ),
    case(
        'export: --overwrite: an image',
        EXPORT.replace('new.onnx', 'images/08.png') + ' --overwrite',
        'rejected',
        '--out',
        'images/08.png',
    ),
    case(
        'export: --out has no such suffix',
        EXPORT.replace('new.onnx', 'new.txt'),
        'rejected',
        '--out',
        'new.txt',
        absent=('new.txt',),
    ),
    case('export: --opset of a text', f'{EXPORT} --opset new', 'rejected', '--opset', "'new'", **FILE),
    case('export: --cfg-options: misspelled', f'{EXPORT} --cfg-options modl.type=A', 'rejected', 'modl', **FILE),
    case(
        'export: --cfg-options: a network that is not there',
        f'{EXPORT} --cfg-options model.backbone.type=ResNet51',
        'rejected',
        'ResNet51',
        **FILE,
    ),
    case(
        'export: code in the file, without --trust-checkpoint',
        EXPORT.replace('work/epoch_2.pth', 'bad.pth'),
        'rejected',
        '--trust-checkpoint',
        prepare=with_code,
        absent=('CODE_RAN', 'new.onnx'),
    ),
    case(
        'export: --trust-checkpoint: a folder',
        EXPORT.replace('work/epoch_2.pth', 'work') + ' --trust-checkpoint',
        'rejected',
        "'work'",
        **FILE,
    ),
    case(
        'print-config: --cfg-options: misspelled',
        f'{PRINT} --cfg-options trian_cfg.max_epochs=3',
        'rejected',
        'train_cfg',
    ),
    case('print-config: --cfg-options: no value', f'{PRINT} --cfg-options train_cfg', 'rejected', '--cfg-options'),
    case(
        'print-config: --cfg-options: a key of a number',
        f'{PRINT} --cfg-options train_cfg.max_epochs.x=3 --out new.py',
        'rejected',
        'max_epochs',
        **CONFIG,
    ),
    case(
        'print-config: --overwrite: an image',
        f'{PRINT} --out images/00.png --overwrite',
        'rejected',
        '--out',
        'images/00.png',
    ),
    case(
        'print-config: --overwrite and wrong options keep the file',
        f'{PRINT} --out fsl.py --overwrite --cfg-options trian_cfg.max_epochs=3',
        'rejected',
        'train_cfg',
    ),
    case('print-config: --out without --overwrite', f'{PRINT} --out fsl.py', 'rejected', '--overwrite', 'fsl.py'),
]
