"""The command ``mmwsl doctor`` on this machine, and on machines with a broken installation."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import mmwsl
from mmwsl.doctor import probe
from mmwsl.doctor.advice import advice, rivals
from mmwsl.doctor.checks import ESSENTIAL, import_modules, packages
from mmwsl.functional import neighbor_average

ROOT = Path(mmwsl.__file__).parent.parent


def doctor(path, **variables):
    """Run the command in a process that finds ``path`` before the installed packages."""
    environment = {**os.environ, 'PYTHONPATH': f'{path}:{ROOT}', 'COLUMNS': '200', **variables}
    return subprocess.run(
        [sys.executable, '-m', 'mmwsl', 'doctor'], env=environment, cwd=path, capture_output=True, text=True
    )


def fake(folder, name, source):
    """Write a package that is imported in place of the installed one."""
    (folder / name).mkdir(parents=True)
    (folder / name / '__init__.py').write_text(source)


def rows(run):
    """Return the printed rows: mark and text, by name."""
    words = [line.split(maxsplit=2) for line in run.stdout.splitlines() if line.startswith('  ')]
    return {name: (mark, text) for mark, name, text in (row for row in words if len(row) == 3)}


def test_a_machine_that_can_run_mmwsl(tmp_path):
    name = 'mobilenet_v2_imagenet.pth'
    (tmp_path / name).touch()
    run = doctor(tmp_path, MMWSL_WEIGHTS_ROOT=str(tmp_path), TORCH_HOME=str(tmp_path), CUDA_VISIBLE_DEVICES='')
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(run.stdout.splitlines()) <= 40 and run.stderr == ''
    found = rows(run)
    assert {found[name][0] for name in ESSENTIAL} == {'ok'}
    assert found['mobilenet_v2'] == ('ok', str(tmp_path / name))
    assert found['resnet50'][0] == '--' and 'resnet50_v1c-2cccc1ad.pth' in run.stdout
    assert 'cores' in found['CPU'][1] and found['CUDA'] == ('--', 'no device')
    assert f'GiB free in {tmp_path}' in found['disk'][1]
    assert run.stdout.endswith('mmwsl can run.\nNext: mmwsl check IMAGES --labels FILE\n')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_triton_kernels_that_cannot_run(tmp_path):
    run = doctor(tmp_path, MMWSL_TRITON='1')
    mark, text = rows(run)['Triton']
    assert mark == '--' and text.startswith('MMWSL_TRITON=1 has no effect, torch computes instead: ')
    assert 'unset MMWSL_TRITON' in run.stdout and 'pip install triton' not in run.stdout and run.returncode == 0
    assert 'Triton' not in rows(doctor(tmp_path, MMWSL_TRITON='0'))


@pytest.mark.parametrize('works', [True, False])
def test_a_warning_of_triton_itself_is_no_problem(monkeypatch, works):
    problem = '' if works else 'MMWSL_TRITON=1 has no effect, torch computes instead: no compiler'

    def load():  # on a GPU with and without a C compiler
        if problem:
            warnings.warn(problem, stacklevel=1)
        warnings.warn('this version of Triton is old', stacklevel=1)
        return None if problem else neighbor_average

    monkeypatch.setenv('MMWSL_TRITON', '1')
    monkeypatch.setattr(neighbor_average, '_load_kernels', load)
    assert probe._triton_problem() == problem


def test_broken_packages(tmp_path):
    """One cannot be imported, one ends the process, and the packages that need them fail too."""
    fake(tmp_path, 'cv2', "raise ImportError('libGL.so.1: cannot open shared object file')")
    fake(tmp_path, 'mmengine', 'import os\nos._exit(3)')
    fake(tmp_path, 'sklearn', "print('noise')\nraise SystemExit(0)")
    run = doctor(tmp_path)
    assert run.returncode == 1
    found = rows(run)
    assert found['cv2'][0] == 'FAIL' and 'pip uninstall opencv-python, pip install' in run.stdout
    assert found['mmengine'][0] == 'FAIL' and 'the process ends when it is imported' in found['mmengine'][1]
    assert {found[name][0] for name in ('mmcv', 'mmwsl.apis')} == {'FAIL'}
    assert {found[name][0] for name in ('numpy', 'PIL', 'torch', 'pycocotools')} <= {'ok', '--'}
    assert found['torch'][0] == 'ok' and found['sklearn'][0] == '--' and 'noise' not in run.stdout
    assert 'mmwsl cannot run: cv2, mmengine, mmcv, mmwsl.apis.' in run.stdout
    assert 'Traceback' not in run.stdout + run.stderr


def test_an_old_mmseg_is_a_failure(tmp_path):
    fake(tmp_path, 'mmseg', "__version__ = '1.1.2'")
    (tmp_path / 'mmseg' / 'registry.py').touch()
    run = doctor(tmp_path)
    found = rows(run)
    assert run.returncode == 1 and found['mmseg'] == ('ok', '1.1.2')
    assert found['mmwsl.apis'][0] == 'FAIL' and 'but mmseg 1.1.2 is installed' in found['mmwsl.apis'][1]
    assert "pip install 'mmwsl[mm]'" in run.stdout


def test_a_torch_that_does_not_fit_numpy(tmp_path):
    """It can be imported, but exchanges no arrays."""
    fake(tmp_path, 'torch', "def from_numpy(array):\n    raise RuntimeError('Numpy is not available')")
    found = {row.name: row for row in packages(import_modules_with(tmp_path))}
    assert found['torch'].mark == 'FAIL' and 'built for different numpys' in found['torch'].todo


def import_modules_with(path):
    """Import all packages in a process that finds ``path`` first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', f'{path}:{ROOT}')
        return import_modules()


def test_a_python_that_starts_no_process(monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/bin/false')
    found = list(packages(import_modules()))
    assert {row.mark for row in found if row.name in ESSENTIAL} == {'FAIL'}


def test_an_import_that_takes_forever(tmp_path, monkeypatch):
    fake(tmp_path, 'numpy', 'import time\ntime.sleep(60)')
    for name in (*ESSENTIAL, 'mmcv'):
        if name not in ('numpy', 'mmwsl.apis') and not (tmp_path / name).exists():
            fake(tmp_path, name, '')
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{ROOT}')
    found = {row.name: row.mark for row in packages(import_modules(timeout=3))}
    assert found['numpy'] == 'FAIL' and found['PIL'] == 'ok'


def test_distributions_that_overwrite_each_other(tmp_path, monkeypatch):
    for name in ('mmcv', 'onedl_mmcv', 'opencv-python', 'opencv_python_headless', 'mmengine'):
        (tmp_path / f'{name.replace("-", "_")}-2.0.0.dist-info').mkdir()
        (tmp_path / f'{name.replace("-", "_")}-2.0.0.dist-info' / 'METADATA').write_text(f'Name: {name}\nVersion: 2\n')
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    assert list(rivals()) == [['mmcv', 'onedl-mmcv'], ['opencv-python', 'opencv-python-headless']]


@pytest.mark.parametrize(
    'error, todo',
    [
        ("ModuleNotFoundError: No module named 'skimage'", 'pip install scikit-image'),
        ('ImportError: something else', 'pip install --force-reinstall --no-deps scikit-image'),
        ('RuntimeError: operator torchvision::nms does not exist', 'pip uninstall torchvision'),
        ("ModuleNotFoundError: No module named 'torch'", 'pip install torch'),
        ("ModuleNotFoundError: No module named 'mmengine'", "pip install 'mmwsl[mm]'"),
        ('ImportError: _ext.so: undefined symbol: _ZN2at4_ops', 'reinstall mmcv'),
        ('AssertionError: MMCV==1.7 is used but incompatible', "pip install 'mmwsl[mm]'"),
    ],
)
def test_advice(error, todo):
    assert advice(error, 'skimage', 'scikit-image').startswith(todo)
