"""Tests of the command of all figures: its page, its counts, and what it measures on tiny inputs."""

import importlib
import json
import os
import subprocess
import sys

import pytest
import torch
from mmengine.registry import init_default_scope

CPU = torch.device('cpu')


@pytest.fixture
def load(repository, monkeypatch):
    """Return a function that imports a module of benchmarks/, which is forgotten afterwards."""
    monkeypatch.syspath_prepend(repository / 'benchmarks')
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name.split('.')[0] in ('sections', 'cases', 'page', 'run', 'harness', 'saliency'):
            del sys.modules[name]


def test_the_page_is_made_from_the_committed_json(repository, load):
    docs = repository / 'docs'
    assert (docs / 'benchmark.md').read_text() == load('page').page(json.loads((docs / 'benchmark.json').read_text()))


def test_the_page_shows_values_ratios_counts_and_what_is_missing(load):
    rows = [
        dict(name='a: x', value=1234.5, unit='ms', peer='', ratio=None, missing=''),
        dict(name='a: y', value=0.5, unit='ms', peer='x', ratio=0.256, missing='', operations=7, reads=0, kernels=None),
        dict(name='a: z', value=None, unit='ms', peer='', ratio=None, missing='z is not installed'),
    ]
    found = dict(device='cuda', busy=True, machine=dict(device='H', torch='2'), seconds=dict(s=70, t=5), rows=rows)
    page = load('page').page(found)
    assert '`python benchmarks/run.py --device cuda --busy`, measured with device H, torch 2, while other' in page
    assert 'The run took 75 s: s 70 s, t 5 s.' in page
    assert 'until the GPU is done' in page
    assert page.endswith(
        '| a: x | 1.23e+03 ms |  |  |  |  |  |\n'
        '| a: y | 0.5 ms | 0.26 | x | 7 | 0 |  |\n'
        '| a: z | not measured: z is not installed |  |  |  |  |  |\n'
    )


def test_operations_and_reads_of_forward_and_backward_are_counted(load):
    values = torch.ones(2, 3, requires_grad=True)
    counts = load('sections.timing').counts
    # exp, view, sum; backward: ones_like, expand, view, mul
    found = counts(lambda: torch.autograd.grad(values.exp().view(6).sum(), values), CPU)
    assert found == dict(operations=4, reads=0, kernels=None)
    found = counts(lambda: values.detach().sum().item(), CPU)
    assert found['reads'] == 1


def test_ratios_are_to_the_first_measured_call_and_times_per_image(load, monkeypatch):
    timing = load('sections.timing')
    cost = iter([8.0, 2.0] * 3)
    monkeypatch.setattr(timing, 'seconds', lambda call, device: next(cost))
    calls = dict(missing='not installed', peer=lambda: None, own=lambda: None)
    absent, peer, own = timing.compared('op', calls, CPU, repeats=3, of=4, unit='ms/image')
    assert absent['value'] is None and absent['missing'] == 'not installed'
    assert (peer['name'], peer['value'], peer['ratio'], peer['unit']) == ('op: peer', 2000, 1, 'ms/image')
    assert (own['value'], own['ratio'], own['peer']) == (500, 0.25, 'peer')


def test_a_step_that_cannot_be_compiled_says_why(load, monkeypatch):
    training = load('sections.training')

    def refuse(call):
        raise RuntimeError('no compiler\nlong text')

    monkeypatch.setattr(torch, 'compile', refuse)
    (row,) = training.compiled_step('step', lambda: None, 1.0, CPU)
    assert row['value'] is None and row['missing'] == 'RuntimeError: no compiler'


def test_the_first_third_of_the_iterations_is_left_out(load, monkeypatch):
    training = load('sections.training')
    clock, times = training.Clock(CPU, 6), [0, 50, 100, 101, 103, 106]
    for index, time in enumerate(times):
        monkeypatch.setattr(training, 'now', lambda device, time=time: time)
        clock.note(index)
    assert clock.mean == pytest.approx(2)


def test_refinements_on_a_tiny_image(load, monkeypatch):
    refinements, crf = load('sections.refinements'), load('cases.crf')
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (12, 16, 3), generator=generator, dtype=torch.uint8).numpy()
    monkeypatch.setattr(crf, 'SIZE', (12, 16))
    monkeypatch.setattr(crf, 'make_image', lambda: image)
    monkeypatch.setattr(refinements, 'BATCH', 2)
    rows = {row['name']: row for row in refinements.rows(CPU)}
    assert all(row['missing'] or row['value'] > 0 for row in rows.values())
    plain = rows['dense CRF, 21 labels, 10 iterations: mmwsl without numba']
    shared = rows['dense CRF, 21 labels, 2 images: one lattice, as on a GPU']
    # a batch that shares its lattice starts about as many operations as one image
    assert plain['operations'] > 100 and shared['operations'] == pytest.approx(plain['operations'], rel=0.1)


def test_the_kernels_of_triton_are_measured_where_they_run(load, monkeypatch):
    refinements = load('sections.refinements')

    def call():
        return os.environ.get('MMWSL_TRITON')

    name, cuda = 'mmwsl, MMWSL_TRITON=1', torch.device('cuda')
    assert list(refinements.with_triton(call, CPU)) == ['mmwsl']
    monkeypatch.setattr(refinements, 'triton_kernels', lambda: None)
    assert refinements.with_triton(call, cuda)[name] == 'Triton cannot run'
    monkeypatch.setattr(refinements, 'triton_kernels', lambda: object())
    calls = refinements.with_triton(call, cuda)
    assert (calls['mmwsl'](), calls[name]()) == (None, '1')


def test_training_and_labels_of_tiny_images(load, monkeypatch, tmp_path):
    training, labels, images = (load(f'sections.{name}') for name in ('training', 'labels', 'images'))
    init_default_scope('mmseg')
    monkeypatch.setitem(training.SETTINGS, 'cpu', ('mobilenet-v2', 64, 2, 3))
    monkeypatch.setattr(labels, 'FEW', 2)
    monkeypatch.setattr(labels, 'MANY', 4)
    monkeypatch.setattr(torch, 'compile', lambda call: call)
    monkeypatch.setenv('MMWSL_DATA_ROOT', str(tmp_path))  # without voc6
    images.write_images(tmp_path / 'images', 4, 64)
    rows = {row['name'].split(', batches of')[0]: row for row in training.rows(CPU, tmp_path)}
    assert rows.pop('tools/train.py, wsl_lse_voc6, empty cache: an epoch')['missing']
    rows |= {row['name'].split(', batches of')[0]: row for row in labels.rows(CPU, tmp_path)}
    assert {'images through the network alone', 'pseudo-labels with the CRF, from files to masks'} < set(rows)
    assert all(row['value'] > 0 and not row['missing'] for row in rows.values())


def test_a_step_with_the_optimizer_of_a_gpu_reads_nothing(load, monkeypatch, tmp_path):
    training = load('sections.training')
    init_default_scope('mmseg')
    monkeypatch.setitem(training.SETTINGS, 'cpu', ('mobilenet-v2', 64, 2, 3))
    load('sections.images').write_images(tmp_path / 'images', 4, 64)
    call = training.step(tmp_path, CPU, dict(training.PLAIN, fused_optimizer=True))
    assert load('sections.timing').counts(call, CPU)['reads'] == 0


def test_device_cpu_hides_the_gpus_before_torch_is_imported(repository):
    code = (
        'import run, os, sys\n'
        "assert 'torch' not in sys.modules and 'mmengine' not in sys.modules\n"
        "assert run.prepare('cpu') == 'cpu'\n"
        'import torch\n'
        'from mmengine.device import get_device\n'
        "print(os.environ['CUDA_VISIBLE_DEVICES'], torch.cuda.device_count(), get_device(), torch.get_num_threads())"
    )
    folder = repository / 'benchmarks'
    environment = dict(os.environ, PYTHONPATH=f'{repository}{os.pathsep}{folder}', CUDA_VISIBLE_DEVICES='0')
    done = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ['0', 'cpu', '1']
