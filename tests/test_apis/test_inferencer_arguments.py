"""Arguments of `WeakSegInferencer`: wrong ones are one line that names them."""

import numpy as np
import pytest
import torch

from mmwsl.apis import WeakSegInferencer

from .trained import write_weights

CONFIG = 'wsl_lse_shapes_ilp'
COLORS = [[value, 0, 255 - value] for value in range(7)]
NAMES = list('abcdefg')


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_weights(CONFIG, tmp_path_factory.mktemp('weights') / 'random.pth')


@pytest.mark.parametrize('classes, palette', [(NAMES, COLORS), (np.array(NAMES), np.array(COLORS, np.uint8))])
@pytest.mark.parametrize('device', ['cpu', torch.device('cpu'), None])
def test_names_and_colors_are_those_given(weights, classes, palette, device):
    found = WeakSegInferencer(CONFIG, weights, device, classes=classes, palette=palette)
    assert found.classes == NAMES and found.palette == COLORS


@pytest.mark.parametrize(
    'wrong',
    [
        dict(palette=palette)
        for palette in (
            [],
            'voc',
            5,
            COLORS[:6],
            [*COLORS, [0, 0, 0]],
            [[0, 0]] * 7,
            [*COLORS[:6], [0, 0]],
            [*COLORS[:6], [0, 0, 256]],
            [*COLORS[:6], [0, 0, -1]],
            [*COLORS[:6], [0, 0, 0.5]],
            [*COLORS[:6], 'red'],
            np.zeros((7, 4), np.uint8),
        )
    ]
    + [dict(classes=classes) for classes in (5, 'abcdefg', NAMES[:6], ['a'] * 7, [*NAMES[:6], None], range(7), [])]
    + [dict(device=device) for device in (5, '', 'gpu', 'cuda:99', ['cpu'], True)]
    + [dict(model=model) for model in (None, 5, '', {}, torch.nn.Linear(1, 1), [CONFIG], b'config')]
    + [dict(weights=weights) for weights in (5, '', [], b'a.pth')],
)
def test_wrong_arguments_are_named(weights, wrong):
    with pytest.raises(ValueError, match=f'^`{next(iter(wrong))}` must be') as error:
        WeakSegInferencer(**dict(model=CONFIG, weights=weights) | wrong)
    assert '\n' not in str(error.value)
