"""Scores in bounded memory are those of the whole image, and the bound holds."""

import math
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from mmwsl.inference.dense import convert_to_dense, dense_scores, receptive_field
from mmwsl.inference.dense.tiling import Memory


def network(padding):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, padding),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding),
        nn.Conv2d(8, 8, (5, 3), padding=(2 * padding, padding)),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 4, 3, padding=padding),
    ).eval()


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


class _Windows:
    """Notes the sizes of the windows that a network sees."""

    def __init__(self, module):
        self.sizes = []
        module.register_forward_pre_hook(self)

    def __call__(self, module, args):
        if not args[0].is_meta:
            self.sizes.append(tuple(args[0].shape))


@pytest.mark.parametrize('padding', [0, 1])
@pytest.mark.parametrize('stride, share', [(1, 0.5), (2, 0.6), (2, 0.3), (4, 0.4), (8, 0.4), (8, 0.0)])
def test_tiles_give_the_scores_of_the_whole(padding, stride, share):
    torch.manual_seed(0)
    dense = convert_to_dense(network(padding), stride)
    x = torch.randn(2, 3, 93, 78)
    whole = dense(x)
    memory, fields = Memory(dense, x), receptive_field(dense)
    one_cell = [math.ceil(field.before / stride) * stride + field.after + 1 for field in fields]
    limit = max(int(share * memory(93, 78)), memory(*one_cell))
    windows = _Windows(dense)
    tiled = dense_scores(dense, x, limit)
    assert tiled.shape == whole.shape
    assert (tiled - whole).abs().max() < 1e-5
    assert len(windows.sizes) > 2 and len(windows.sizes) % 2 == 0
    assert max(memory(*size[2:]) for size in windows.sizes) <= limit
    assert {size[0] for size in windows.sizes} == {1}


def test_a_network_that_was_not_converted_is_tiled_too():
    coarse, x = network(1), torch.randn(1, 3, 200, 210)
    torch.testing.assert_close(dense_scores(coarse, x, Memory(coarse, x)(200, 210) // 4), coarse(x), atol=1e-6, rtol=0)


class _Reuse(nn.Module):
    """Maps of 4 channels that share, outlive and follow one another."""

    def forward(self, x):
        a = x * 2  # one map
        b = a.relu_()  # the same
        view = b[:, :2]  # shares it
        del a, b
        c = x + 1
        d = c.relu() + view.sum()  # four maps: the one that is shared, c, its relu and d
        del c, view  # d is left
        return (d * 1) + 1


def test_memory_counts_what_lives_at_the_same_time():
    """In maps of 4 x 10 x 10 float32 numbers, the window itself among them, and the bytes of a sum."""
    assert Memory(_Reuse(), torch.zeros(2, 4, 10, 10))(10, 10) == (1 + 4) * 1600 + 4
    chain = nn.Sequential(nn.Conv2d(4, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 1), nn.Identity())
    assert Memory(chain, torch.zeros(2, 4, 10, 10))(10, 10) == (4 + 8 + 4) * 400
    assert Memory(chain, torch.zeros(2, 4, 10, 10))(20, 10) == (4 + 8 + 4) * 800


def test_what_fits_runs_at_once():
    dense, x = convert_to_dense(network(1)), torch.randn(2, 3, 40, 44)
    need = Memory(dense, x)(40, 44)
    windows = _Windows(dense)
    dense_scores(dense, x, need)
    dense_scores(dense, x)
    assert windows.sizes == [(1, 3, 40, 44)] * 2 + [(2, 3, 40, 44)]
    dense_scores(dense, x[:1], need - 1)
    assert len(windows.sizes) > 4


def test_too_little_memory_says_the_least():
    dense, x = convert_to_dense(network(0), 4), torch.randn(1, 3, 80, 80)
    with pytest.raises(ValueError, match=r'`max_memory` must be at least (\d+) bytes, what a window of one cell') as e:
        dense_scores(dense, x, 100)
    least = int(str(e.value).split('at least ')[1].split()[0])
    assert (dense_scores(dense, x, least) - dense(x)).abs().max() < 1e-5
    with pytest.raises(ValueError, match=f'at least {least} bytes'):
        dense_scores(dense, x, least - 1)


def test_a_image_without_a_cell():
    with pytest.raises(ValueError, match=r'`inputs` of 8 x 80 pixels have no cell: the receptive field has 43 x 35'):
        dense_scores(convert_to_dense(network(0)), torch.randn(1, 3, 8, 80), 10**6)


MEASURE = """
import os, re, sys
import torch
from torch import nn
from mmwsl.inference.dense import dense_scores, convert_to_dense
torch.set_num_threads(1)
net = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(64, 21, 3))
with torch.no_grad():
    dense, x = convert_to_dense(net), torch.randn(1, 3, 400, 400)
    dense_scores(dense, x[..., :40, :40])
    before = int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    for limit in (int(sys.argv[1]), None):
        scores = dense_scores(dense, x, limit)
        # Not getrusage: there a process inherits the peak of the one that started it.
        peak = int(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]) * 1024
        print(peak - before - scores.nbytes)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
@pytest.mark.skipif(torch.__version__ < (2, 3), reason='convolutions of this torch keep buffers of their own')
def test_the_process_stays_within_the_bound():
    """With an allocator that returns what is freed: glibc's keeps a changing share of it by default."""
    limit = 20 * 2**20
    run = subprocess.run(
        [sys.executable, '-c', MEASURE, str(limit)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ, MALLOC_MMAP_THRESHOLD_='65536'),
    )
    bounded, whole = (int(word) for word in run.stdout.split()[-2:])
    assert bounded < limit
    assert whole > 5 * limit
