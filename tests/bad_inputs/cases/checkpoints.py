"""Checkpoints that do not fit, are damaged, or are something else."""

import pickle
from collections.abc import Callable
from pathlib import Path

import torch

from ..harness import Case, case
from ..sandbox import CLASSES

TEST, LABEL = 'test wsl.py {}', 'generate-pseudo-labels wsl.py {} --out new'
OTHERS = {
    'compare': 'compare wsl.py:{} --out new',
    'tune-thresholds': 'tune-thresholds wsl.py {} --out new.json',
    'predict': 'predict wsl.py images --checkpoint {} --out new',
    'export': 'export wsl.py --checkpoint {} --out new.onnx',
}
FOREIGN = 'bad.pth'


def changed(change: Callable[[dict], object]) -> Callable[[Path], None]:
    """Return a function that writes a changed copy of the trained checkpoint."""

    def write(root: Path) -> None:
        checkpoint = torch.load(root / 'work/epoch_2.pth', weights_only=True)
        change(checkpoint)
        torch.save(checkpoint, root / FOREIGN)

    return write


def content(data: bytes) -> Callable[[Path], object]:
    """Return a function that writes any bytes as a checkpoint."""
    return lambda root: (root / FOREIGN).write_bytes(data)


def fill(value: float) -> Callable[[dict], None]:
    """Return a function that sets one weight."""

    def change(checkpoint: dict) -> None:
        checkpoint['state_dict']['decode_head.conv_seg.weight'][0, 0] = value

    return change


def classes(names: list[str]) -> Callable[[dict], None]:
    """Return a function that stores other class names."""
    return lambda checkpoint: checkpoint['meta']['dataset_meta'].update(classes=names)


def head_of(count: int) -> Callable[[dict], None]:
    """Return a function that stores a head for another number of classes."""

    def change(checkpoint: dict) -> None:
        for name in ('weight', 'bias'):
            key = f'decode_head.conv_seg.{name}'
            checkpoint['state_dict'][key] = checkpoint['state_dict'][key][:1].repeat_interleave(count, 0)

    return change


def half(root: Path) -> None:
    """Write the first half of a checkpoint."""
    data = (root / 'work/epoch_2.pth').read_bytes()
    (root / FOREIGN).write_bytes(data[: len(data) // 2])


class Shout:
    """An object whose loading runs code."""

    def __reduce__(self) -> tuple:
        """Name the code."""
        return Path('CODE_RAN').touch, ()


def with_code(root: Path) -> None:
    """Write a checkpoint that runs code when it is loaded without care."""
    torch.save(dict(state_dict={}, extra=Shout()), root / FOREIGN, pickle_module=pickle)


def other_aggregator(root: Path) -> None:
    """Train with another aggregator."""
    text = (root / 'wsl.py').read_text()
    (root / 'gap.py').write_text(
        f"{text}\nmodel = dict(decode_head=dict(aggregator=dict(_delete_=True, type='mmwsl.GlobalAveragePooling')))\n"
    )


def rounded(checkpoint: dict) -> None:
    """Round all weights to integers."""
    checkpoint['state_dict'] = {name: value.int() for name, value in checkpoint['state_dict'].items()}


def no_optimizer(root: Path) -> None:
    """Remove the state of the optimizer."""
    path = root / 'work/epoch_2.pth'
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint['optimizer']
    torch.save(checkpoint, path)


def newest_half(root: Path) -> None:
    """Cut the newest checkpoint of the training in half, as a crash of the machine does."""
    path = root / 'work/epoch_2.pth'
    path.write_bytes(path.read_bytes()[:5000])


NAMES = [*CLASSES]
SWAPPED = [*NAMES[:-2], *NAMES[:-3:-1]]
RENAMED = [*NAMES[:-1], 'plus']
RESUME = 'train wsl.py --work-dir work --resume --cfg-options train_cfg.max_epochs=3'
FINE_TUNE = 'train wsl.py --work-dir new --cfg-options load_from={}'

CASES: list[Case] = [
    case(
        'another network: test',
        TEST.format('supervised/epoch_2.pth'),
        'rejected',
        'must fit the config',
        'supervised/epoch_2.pth',
    ),
    case(
        'another network: labels',
        LABEL.format('supervised/epoch_2.pth'),
        'rejected',
        'must fit the config',
        absent=('new',),
    ),
    *(
        case(
            f'another network: {name}',
            command.format('supervised/epoch_2.pth'),
            'rejected',
            'must fit the config',
            absent=('new', 'new.json', 'new.onnx', 'new.pth'),
        )
        for name, command in OTHERS.items()
    ),
    case('bare ImageNet weights: test', TEST.format('imagenet.pth'), 'rejected', 'must fit the config', 'imagenet.pth'),
    case(
        'bare ImageNet weights: labels',
        LABEL.format('imagenet.pth'),
        'rejected',
        'must fit the config',
        absent=('new',),
    ),
    case('another number of classes', TEST.format(FOREIGN), 'rejected', 'conv_seg', prepare=changed(head_of(9))),
    case(
        'class names permuted: test',
        TEST.format(FOREIGN),
        'rejected',
        "'star' instead of 'triangle'",
        prepare=changed(classes(SWAPPED)),
    ),
    case(
        'class names permuted: labels',
        LABEL.format(FOREIGN),
        'rejected',
        "'star' instead of 'triangle'",
        prepare=changed(classes(SWAPPED)),
        absent=('new',),
    ),
    case(
        'class names permuted: compare',
        OTHERS['compare'].format(FOREIGN),
        'rejected',
        "'star' instead of 'triangle'",
        prepare=changed(classes(SWAPPED)),
    ),
    case(
        'class names renamed: test',
        TEST.format(FOREIGN),
        'rejected',
        "'triangle' instead of 'plus'",
        prepare=changed(classes(RENAMED)),
    ),
    case(
        'class names renamed: predict',
        OTHERS['predict'].format(FOREIGN),
        'rejected',
        'plus',
        prepare=changed(classes(RENAMED)),
    ),
    case(
        'class names fewer: test',
        TEST.format(FOREIGN),
        'rejected',
        '7 classes instead of 6',
        prepare=changed(classes(NAMES[:-1])),
    ),
    case(
        'no class names are stored',
        TEST.format(FOREIGN),
        'done',
        'stores no class names',
        prepare=changed(lambda c: c.pop('meta')),
    ),
    case('NaN weights: test', TEST.format(FOREIGN), 'rejected', 'must be finite', prepare=changed(fill(float('nan')))),
    case(
        'NaN weights: labels',
        LABEL.format(FOREIGN),
        'rejected',
        'must be finite',
        prepare=changed(fill(float('nan'))),
        absent=('new',),
    ),
    case(
        'infinite weights: predict',
        OTHERS['predict'].format(FOREIGN),
        'rejected',
        'must be finite',
        prepare=changed(fill(float('inf'))),
    ),
    case(
        'NaN weights: export',
        OTHERS['export'].format(FOREIGN),
        'rejected',
        'must be finite',
        prepare=changed(fill(float('nan'))),
        absent=('new.onnx',),
    ),
    case(
        'NaN weights: compare',
        OTHERS['compare'].format(FOREIGN),
        'rejected',
        'must be finite',
        prepare=changed(fill(float('nan'))),
    ),
    case(
        'trained with another aggregator',
        'test gap.py work/epoch_2.pth',
        'done',
        'aggregator',
        prepare=other_aggregator,
    ),
    case('zero bytes: test', TEST.format(FOREIGN), 'rejected', FOREIGN, prepare=content(b'')),
    case('zero bytes: predict', OTHERS['predict'].format(FOREIGN), 'rejected', FOREIGN, prepare=content(b'')),
    case('text', TEST.format(FOREIGN), 'rejected', FOREIGN, prepare=content(b'not a checkpoint')),
    case('half a file: test', TEST.format(FOREIGN), 'rejected', FOREIGN, prepare=half),
    case('half a file: labels', LABEL.format(FOREIGN), 'rejected', FOREIGN, prepare=half, absent=('new',)),
    case('half a file: export', OTHERS['export'].format(FOREIGN), 'rejected', FOREIGN, prepare=half),
    case('an image', TEST.format('images/00.png'), 'rejected', 'images/00.png'),
    case('a folder: test', TEST.format('work'), 'rejected', "'work'", 'folder'),
    case('a folder: predict', OTHERS['predict'].format('work'), 'rejected', "'work'", 'folder'),
    case('no file: test', TEST.format('none.pth'), 'rejected', "'none.pth' does not exist"),
    *(
        case(f'no file: {name}', command.format('none.pth'), 'rejected', 'none.pth', 'does not exist', absent=('new',))
        for name, command in OTHERS.items()
    ),
    case('code in the file: test', TEST.format(FOREIGN), 'rejected', 'trust', prepare=with_code, absent=('CODE_RAN',)),
    case(
        'code in the file: predict',
        OTHERS['predict'].format(FOREIGN),
        'rejected',
        'trust',
        prepare=with_code,
        absent=('CODE_RAN',),
    ),
    case(
        'TorchScript',
        TEST.format(FOREIGN),
        'rejected',
        FOREIGN,
        'TorchScript',
        prepare=lambda root: torch.jit.script(torch.nn.Linear(2, 2)).save(root / FOREIGN),
    ),
    case(
        'a list instead of weights',
        TEST.format(FOREIGN),
        'rejected',
        FOREIGN,
        prepare=lambda root: torch.save([1, 2], root / FOREIGN),
    ),
    case(
        'a dict without weights',
        TEST.format(FOREIGN),
        'rejected',
        FOREIGN,
        prepare=lambda root: torch.save(dict(epoch=3), root / FOREIGN),
    ),
    case('config and checkpoint swapped: test', 'test work/epoch_2.pth wsl.py', 'rejected', 'Pass CONFIG first'),
    case(
        'config and checkpoint swapped: labels',
        'generate-pseudo-labels work/epoch_2.pth wsl.py --out new',
        'rejected',
        'Pass CONFIG first',
        absent=('new',),
    ),
    case('a config as the checkpoint', TEST.format('fsl.py'), 'rejected', 'fsl.py'),
    case('load_from: empty', FINE_TUNE.format(''), 'rejected', '`load_from` must be', 'empty text', absent=('new',)),
    case('load_from: no file', FINE_TUNE.format('none.pth'), 'rejected', 'load_from', 'none.pth'),
    case('load_from: another network', FINE_TUNE.format('supervised/epoch_2.pth'), 'rejected', '--allow-mismatch'),
    case(
        'load_from: nothing fits with --allow-mismatch',
        f'{FINE_TUNE.format("imagenet.pth")} --allow-mismatch'.replace(
            'train ', 'train --allow-mismatch '
        ).removesuffix(' --allow-mismatch'),
        'rejected',
        'must fit the config',
    ),
    case(
        'load_from: another head with --allow-mismatch',
        f'train --allow-mismatch {FINE_TUNE.format(FOREIGN).removeprefix("train ")}',
        'done',
        'start from their initialization',
        prepare=changed(head_of(9)),
    ),
    case(
        'load_from: NaN weights',
        FINE_TUNE.format(FOREIGN),
        'rejected',
        'must be finite',
        prepare=changed(fill(float('nan'))),
    ),
    case(
        '--resume: other layers',
        f'{RESUME} model.decode_head.hidden_channels=[32]',
        'rejected',
        'must fit the config',
    ),
    case(
        '--resume: the newest checkpoint is half a file',
        RESUME,
        'done',
        'epoch_1.pth',
        prepare=newest_half,
        changes=('work/*',),
    ),
    case('--resume: nothing to resume', 'train wsl.py --work-dir new --resume', 'done', 'no checkpoint in'),
    case('--resume: the training is finished', 'train wsl.py --work-dir work --resume', 'done', changes=('work/*',)),
    case('--trust-checkpoint without need', f'{TEST.format("work/epoch_2.pth")} --trust-checkpoint', 'done', 'mIoU'),
    case('integer weights', TEST.format(FOREIGN), 'rejected', 'floating point', prepare=changed(rounded)),
    case(
        '--resume: no state of the optimizer', RESUME, 'done', 'starts anew', prepare=no_optimizer, changes=('work/*',)
    ),
]
