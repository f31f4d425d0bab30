"""Scores in bounded memory are those of the whole image, and the bound holds."""

import math
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from mmwsl.inference.dense import convert_to_dense, dense_scores, receptive_field
from mmwsl.inference.dense.tiling import peak_memory
from mmwsl.inference.dense.tracing import copy_network


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


def memory(model, height, width, channels=3):
    """Return the peak memory of a network for an image."""
    return peak_memory(copy_network(model, 'meta'), torch.zeros(2, channels, 1, 1), height, width)


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


class _InputSizes:
    """The sizes of the inputs that a network gets, without those on the meta device."""

    def __init__(self, module):
        self.sizes = []
        module.register_forward_pre_hook(self)

    def __call__(self, module, args):
        if not args[0].is_meta:
            self.sizes.append(tuple(args[0].shape))


@pytest.mark.parametrize('padding', [0, 1])
@pytest.mark.parametrize('stride, fraction', [(1, 0.5), (2, 0.6), (2, 0.3), (4, 0.4), (8, 0.4), (8, 0.0)])
def test_tiles_give_the_scores_of_the_whole_image(padding, stride, fraction):
    torch.manual_seed(0)
    dense = convert_to_dense(network(padding), stride)
    x = torch.randn(2, 3, 93, 78)
    whole = dense(x)
    fields = receptive_field(dense)
    one_location = [math.ceil(field.before / stride) * stride + field.after + 1 for field in fields]
    limit = max(int(fraction * memory(dense, 93, 78)), memory(dense, *one_location))
    inputs = _InputSizes(dense)
    tiled = dense_scores(dense, x, limit)
    assert tiled.shape == whole.shape
    assert (tiled - whole).abs().max() < 1e-5
    assert len(inputs.sizes) > 2 and len(inputs.sizes) % 2 == 0
    assert max(memory(dense, *size[2:]) for size in inputs.sizes) <= limit
    assert {size[0] for size in inputs.sizes} == {1}


def test_a_network_that_was_not_converted_is_tiled_too():
    coarse, x = network(1), torch.randn(1, 3, 200, 210)
    torch.testing.assert_close(dense_scores(coarse, x, memory(coarse, 200, 210) // 4), coarse(x), atol=1e-6, rtol=0)


class _Reuse(nn.Module):
    """Maps of 4 channels that have a common storage, outlive and follow one another."""

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
    """In maps of 4 x 10 x 10 float32 numbers, the image itself among them, and the bytes of a sum."""
    assert memory(_Reuse(), 10, 10, channels=4) == (1 + 4) * 1600 + 4
    network = nn.Sequential(nn.Conv2d(4, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 1), nn.Identity())
    assert memory(network, 10, 10, channels=4) == (4 + 8 + 4) * 400
    assert memory(network, 20, 10, channels=4) == (4 + 8 + 4) * 800


def test_what_fits_runs_at_once():
    dense, x = convert_to_dense(network(1)), torch.randn(2, 3, 40, 44)
    need = memory(dense, 40, 44)
    inputs = _InputSizes(dense)
    dense_scores(dense, x, need)
    dense_scores(dense, x)
    assert inputs.sizes == [(1, 3, 40, 44)] * 2 + [(2, 3, 40, 44)]
    dense_scores(dense, x[:1], need - 1)
    assert len(inputs.sizes) > 4


def test_without_overlap_the_crops_are_as_large_as_the_bound_allows():
    """All tiles then cause the same work."""
    coarse, x = nn.Sequential(nn.Conv2d(3, 4, 2, 2), nn.ReLU()).eval(), torch.randn(1, 3, 80, 80)
    inputs = _InputSizes(coarse)
    scores = dense_scores(coarse, x, int(0.6 * memory(coarse, 80, 80)))
    assert len(inputs.sizes) == 2
    torch.testing.assert_close(scores, coarse(x))


def test_too_little_memory_says_the_least():
    dense, x = convert_to_dense(network(0), 4), torch.randn(1, 3, 80, 80)
    message = r'`max_memory` must be at least (\d+) bytes, the need of a crop for one location, 43 x 35 pixels, got 100'
    with pytest.raises(ValueError, match=message) as e:
        dense_scores(dense, x, 100)
    least = int(str(e.value).split('at least ')[1].split()[0])
    assert (dense_scores(dense, x, least) - dense(x)).abs().max() < 1e-5
    with pytest.raises(ValueError, match=f'at least {least} bytes'):
        dense_scores(dense, x, least - 1)


def test_an_image_without_a_location():
    with pytest.raises(
        ValueError, match=r'`inputs` of 8 x 80 pixels have no location: the receptive field has 43 x 35'
    ):
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
@pytest.mark.skipif(
    torch.__version__ < (2, 3), reason='needs convolutions without buffers. Install them with: pip install torch>=2.3'
)
def test_the_process_stays_within_the_bound():
    """With an allocator that returns what is freed: by default, glibc's keeps a changing fraction of it."""
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
