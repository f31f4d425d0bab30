"""The compiled dense CRF against the one of torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch.nn import functional as F

from mmwsl.functional import CRF_PRESETS, CRFParams, crf_kernels, dense_crf

pytest.importorskip('numba', reason='numba is missing. Install it with: pip install numba')

PSA = CRF_PRESETS['psa']


def make_image(name, height, width, channels=3):
    generator = torch.Generator().manual_seed(0)
    if name == 'noise':
        return torch.randint(0, 256, (channels, height, width), generator=generator).byte()
    if name == 'constant':
        return torch.full((channels, height, width), 100, dtype=torch.uint8)
    image = Image.fromarray(getattr(skimage.data, name)()).resize((width, height))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def scores(labels, height, width, noise=0.3):
    """Return probabilities in soft blobs with noise."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, labels, 5, 6, generator=generator)
    logits = 3 * F.interpolate(coarse, (height, width), mode='bilinear')[0]
    return (logits + noise * torch.randn(logits.shape, generator=generator)).softmax(0)


@pytest.fixture
def runs(monkeypatch):
    """Return the list of the numbers of labels that were refined by the compiled functions."""
    original, found = crf_kernels.CompiledKernels.mean_field, []

    def counted(self, log_unary, iterations):
        found.append(len(log_unary))
        return original(self, log_unary, iterations)

    monkeypatch.setattr(crf_kernels.CompiledKernels, 'mean_field', counted)
    return found


@pytest.fixture
def both(monkeypatch, runs):
    """Return a function that returns the results of the compiled functions and of torch."""

    def call(*args, **kwargs):
        count = len(runs)
        result = dense_crf(*args, **kwargs)
        assert len(runs) == count + 1  # it ran compiled
        with monkeypatch.context() as patch:
            patch.setattr(crf_kernels, 'compiled_functions', lambda: None)
            expected = dense_crf(*args, **kwargs)
        assert len(runs) == count + 1
        return result, expected

    return call


def assert_equal(result, expected):
    assert result.shape == expected.shape and result.dtype == torch.float32
    assert (result.argmax(0) == expected.argmax(0)).double().mean() >= 0.9999
    assert (result - expected).abs().max() < 3e-4  # on noise; on photographs less than 1e-4


@pytest.mark.parametrize('labels', [2, 4, 8, 21, 81])
@pytest.mark.parametrize('name', ['astronaut', 'chelsea', 'coffee', 'rocket', 'noise', 'constant'])
def test_agrees_with_torch(both, name, labels):
    probs = scores(labels, 60, 81)
    for preset in ('psa', 'ccnn', 'deeplab'):
        result, expected = both(probs, make_image(name, 60, 81), CRF_PRESETS[preset])
        assert_equal(result, expected)
        torch.testing.assert_close(result.sum(0), torch.ones_like(result[0]))
    assert (result - probs).abs().max() > 0.05  # the CRF changes the scores


def test_agrees_with_torch_on_a_large_image(both):
    assert_equal(*both(scores(21, 375, 500), make_image('astronaut', 375, 500)))


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (7, 1), (2, 2), (1, 200)])
def test_tiny_images(both, size):
    assert_equal(*both(scores(3, *size), make_image('noise', *size)))


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_any_number_of_channels(both, channels):
    assert_equal(*both(scores(4, 30, 40), make_image('noise', 30, 40, channels)))


@pytest.mark.parametrize(
    'changes',
    [
        dict(gt_prob=0.7),
        dict(gaussian_weight=0.0),
        dict(bilateral_weight=0.0),
        dict(iterations=1),
        dict(gaussian_weight=100.0, bilateral_weight=300.0),
        dict(bilateral_sxy=0.3, bilateral_srgb=0.5),
    ],
)
def test_parameters(both, changes):
    assert_equal(*both(scores(5, 30, 40), make_image('chelsea', 30, 40), replace(PSA, **changes)))


def test_plausible_labels(both, runs):
    plausible = torch.tensor([True, False, True, True, False])
    result, expected = both(scores(5, 30, 40), make_image('coffee', 30, 40), plausible=plausible)
    assert_equal(result, expected)
    assert runs == [3] and not result[~plausible].any()


def test_extreme_scores_and_zeros(both):
    probs = F.one_hot(torch.arange(30 * 40).view(30, 40) % 3, 4).permute(2, 0, 1).float()
    probs[:, 3:6, 3:6] = 0
    probs[2] *= 1e30
    assert_equal(*both(probs, make_image('rocket', 30, 40)))


def test_any_strides_and_half_precision(both):
    probs, image = scores(4, 30, 40), make_image('rocket', 30, 40)
    expected = dense_crf(probs, image)
    assert torch.equal(dense_crf(probs.permute(1, 2, 0).contiguous().permute(2, 0, 1), image.contiguous()), expected)
    with torch.inference_mode():
        assert torch.equal(dense_crf(probs.clone(), image.clone()), expected)
    assert_equal(*both(probs.half(), image.double()))


def test_the_same_input_gives_the_same_bits_and_does_not_change():
    probs, image = scores(21, 60, 80), make_image('astronaut', 60, 80)
    copies = probs.clone(), image.clone()
    assert torch.equal(dense_crf(probs, image), dense_crf(probs, image))
    assert torch.equal(probs, copies[0]) and torch.equal(image, copies[1])


def test_a_lattice_of_any_number_of_corners(monkeypatch):
    probs, image = scores(3, 30, 40), make_image('noise', 30, 40)
    expected = dense_crf(probs, image)
    monkeypatch.setattr(crf_kernels, 'FIRST_LIMIT', 4)
    assert torch.equal(dense_crf(probs, image), expected)


def test_what_is_not_supported_runs_in_torch(runs):
    probs, image = scores(3, 12, 16), make_image('chelsea', 12, 16)
    dense_crf(probs.double(), image)
    dense_crf(probs, image, compatibility=torch.ones(3, 3))
    dense_crf(probs, image, CRFParams(iterations=0))
    dense_crf(probs, image, CRFParams(gaussian_weight=0.0, bilateral_weight=0.0))
    dense_crf(probs[:1], image)
    assert not runs
    with torch.no_grad():
        dense_crf(probs.requires_grad_(), image)
    assert runs == [3]


def test_a_gradient_is_that_of_torch(runs, monkeypatch):
    probs, image = scores(3, 12, 16), make_image('chelsea', 12, 16)
    gradients = []
    for _ in range(2):
        leaf = probs.clone().requires_grad_()
        dense_crf(leaf, image)[1].sum().backward()
        gradients.append(leaf.grad)
        monkeypatch.setattr(crf_kernels, 'compiled_functions', lambda: None)
    assert not runs and torch.equal(*gradients) and gradients[0].abs().max() > 0


def test_exp():
    exp = crf_kernels.compiled_functions().exp
    values = np.concatenate([np.linspace(-79.99, 0, 2000), -np.logspace(-10, 1, 200)]).astype(np.float32)
    results = np.array([exp(value) for value in values])
    np.testing.assert_allclose(results, np.exp(values.astype(np.float64)), rtol=3e-7)
    assert exp(np.float32(-81)) == exp(np.float32(-1e30)) == 0


SCRIPT = """
import numpy as np
from mmwsl.functional.compiled_crf import jit

@jit('float64(float64)')
def double(x):
    return 2 * x

assert double(3.0) == 6.0
print(*[sum(kind.values()) for kind in (double.stats.cache_hits, double.stats.cache_misses)])
"""


def run_script(folder, **environment):
    environment = {'PATH': '', 'PYTHONPATH': str(Path(crf_kernels.__file__).parents[2]), **environment}
    if 'numba' in sys.modules:  # it may lie outside of the environment's packages
        environment['PYTHONPATH'] += f':{Path(sys.modules["numba"].__file__).parents[1]}'
    run = subprocess.run([sys.executable, folder / 'script.py'], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    return run.stdout.split()


def test_the_second_process_loads_what_the_first_compiled_unless_it_is_damaged(tmp_path):
    (tmp_path / 'script.py').write_text(SCRIPT)
    folder = dict(NUMBA_CACHE_DIR=str(tmp_path / 'cache'))
    assert run_script(tmp_path, **folder) == ['0', '1']
    assert run_script(tmp_path, **folder) == ['1', '0']
    stored = [path for path in (tmp_path / 'cache').rglob('script.*') if path.is_file()]
    assert {path.suffix for path in stored} == {'.nbi', '.nbc'}
    for path in stored:
        path.write_bytes(b'damaged')
    assert run_script(tmp_path, **folder) == ['0', '1']


def test_no_folder_can_be_written(tmp_path):
    """Files stand where the folders of the cache would be made."""
    (tmp_path / 'script.py').write_text(SCRIPT)
    (tmp_path / '__pycache__').write_text('')
    (tmp_path / 'home').write_text('')
    home = str(tmp_path / 'home')
    assert run_script(tmp_path, HOME=home, XDG_CACHE_HOME=home, PYTHONDONTWRITEBYTECODE='1') == ['0', '1']


def test_without_numba_torch_computes_it(tmp_path):
    (tmp_path / 'script.py').write_text(
        "import sys; sys.modules['numba'] = None\n"
        'import torch; from mmwsl.functional import dense_crf\n'
        'print(dense_crf(torch.tensor([[[0.25]], [[0.75]]]), torch.zeros(3, 1, 1)).argmax(0).item())\n'
    )
    assert run_script(tmp_path) == ['1']
