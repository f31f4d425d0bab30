"""Affinity networks: their training, and the walk by them."""

from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case
from .configs import inherits, supervised

LABEL = 'generate-pseudo-labels own.py work/epoch_2.pth --out new'


def walk(**options: object) -> Callable[[Path], object]:
    """Return a function that writes a config with a walk."""
    step = dict(type='mmwsl.LearnedAffinityWalk', config='fsl.py', checkpoint='supervised/epoch_2.pth') | options
    return inherits(f'model = dict(inference=dict(postprocessors=[{step}]))')


def head(name: str, **options: object) -> Callable[[Path], object]:
    """Return a function that writes a config of an affinity network."""
    settings = dict(_delete_=True, type=f'mmwsl.{name}', in_channels=(8,), in_index=(0,), num_classes=7) | options
    return supervised(f'model = dict(decode_head={settings})\nval_cfg = val_dataloader = val_evaluator = None')


def rejected(name: str, command: str, *says: str, prepare: Callable[[Path], object]) -> Case:
    """Return a case that ends before anything is written."""
    return case(name, command, 'rejected', *says, prepare=prepare, absent=('new',))


TRAIN = 'train own.py --work-dir new'

CASES: list[Case] = [
    rejected('no file of the affinity network', LABEL, 'checkpoint', 'none.pth', prepare=walk(checkpoint='none.pth')),
    rejected('no config of the affinity network', LABEL, 'config', 'none.py', prepare=walk(config='none.py')),
    rejected('a segmentor as the affinity network', LABEL, 'must predict affinities', 'FCNHead', prepare=walk()),
    rejected('a walk of radius 1', LABEL, '`radius`', prepare=walk(radius=1)),
    rejected('a walk of a negative exponent', LABEL, '`beta`', prepare=walk(beta=-1)),
    rejected(
        'channels of other feature maps',
        TRAIN,
        'level_channels',
        prepare=head('AffinityHead', level_channels=(8, 8)),
    ),
    rejected(
        'one feature map for displacements',
        TRAIN,
        'coarse_index',
        prepare=head('InterPixelRelationHead', displacement_channels=(8,)),
    ),
    rejected('a negative margin', TRAIN, 'margin', prepare=head('AffinityHead', level_channels=(8,), margin=-1)),
    rejected(
        'the mean of no displacements',
        TRAIN,
        'MeanDisplacementHook',
        prepare=supervised("custom_hooks = [dict(type='mmwsl.MeanDisplacementHook')]"),
    ),
]
