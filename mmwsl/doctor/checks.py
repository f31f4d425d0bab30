"""Checks of the machine: packages, devices, weights, disk."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmwsl.utils.cores import available_cores
from mmwsl.utils.weights import WEIGHTS, locate_weights, ways_to_get

from .advice import advice, rivals

# Import name: name for pip.
ESSENTIAL = {
    'numpy': 'numpy',
    'PIL': 'pillow',
    'cv2': 'opencv-python-headless',
    'skimage': 'scikit-image',
    'torch': 'torch',
    'mmengine': 'onedl-mmengine',
    'mmcv': 'onedl-mmcv',
    'mmseg': 'onedl-mmsegmentation',
    'mmwsl.apis': 'mmwsl',
}
# Import name: what needs it, and how to get it.
OPTIONAL = {
    'mmcv.ops': ('compiled operators', ''),
    'pycocotools': ('COCO polygons', "pip install 'mmwsl[coco]'"),
    'mmdet': ('instance segmentation', "pip install 'mmwsl[instances]'"),
    'sklearn': ('mi-SVM', "pip install 'mmwsl[svm]'"),
    'onnxruntime': ('ONNX models', 'pip install onnx onnxruntime'),
    'jinja2': ('report', 'pip install jinja2'),
    'numba': ('a faster CRF', "pip install 'mmwsl[fast]'"),
}
GIB = 2**30
OK, NOTE, FAIL = 'ok', '--', 'FAIL'


@dataclass(frozen=True)
class Row:
    """Line of the output.

    Attributes:
        mark: ``'ok'``, ``'--'`` for what is missing and not needed by everyone, or ``'FAIL'``.
        name: What was checked.
        value: What was found.
        todo: What to do about it.
    """

    mark: str
    name: str
    value: str
    todo: str = ''


def import_modules(timeout: float = 300) -> list[dict[str, Any]]:
    """Import all packages in another process; a package that ends the process or the time is left out of the next."""
    # Ours last: it provides operators where mmcv has none, so that `mmcv.ops` could be imported.
    modules, found = sorted([*ESSENTIAL, *OPTIONAL], key=lambda name: name.startswith('mmwsl')), []
    while modules:
        command = [sys.executable, '-m', 'mmwsl.doctor.probe', *modules]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                printed, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                printed, _ = process.communicate()
        lines = [json.loads(line) for line in printed.splitlines()]
        found += lines
        started = {line['module'] for line in lines if 'module' in line}
        modules = [name for name in modules if name not in started] if started else []
    return found


def packages(found: list[dict[str, Any]]) -> Iterator[Row]:
    """Check the packages that everyone needs, the optional packages, and distributions that exclude each other."""
    unknown: dict[str, Any] = dict(error='no other process of this Python can be started')
    results = dict.fromkeys([*ESSENTIAL, *OPTIONAL], unknown)
    results |= {line['module']: line for line in found if 'module' in line}
    failed = False
    for name, distribution in ESSENTIAL.items():
        result = results[name]
        if 'version' in result:
            yield Row(OK, name, result['version'] or 'can be imported')
        else:
            todo = '' if failed and name == 'mmwsl.apis' else advice(result['error'], name, distribution)
            yield Row(FAIL, name, _first_line(result['error']), todo)
            failed = True
    for name, (purpose, install) in OPTIONAL.items():
        result = results[name]
        if 'version' in result:
            yield Row(OK, name, result['version'] or 'can be imported')
        elif f"No module named '{name.partition('.')[0]}'" in result['error'] and install:
            yield Row(NOTE, name, f'not installed ({purpose})', install)
        else:
            yield Row(NOTE, name, f'{_first_line(result["error"])} ({purpose})', advice(result['error'], name, name))
    for names in rivals():
        todo = f'pip uninstall {" ".join(names)}, then install one of them'
        yield Row(NOTE, 'conflict', f'{" and ".join(names)} overwrite each other', todo)


def devices(found: list[dict[str, Any]]) -> Iterator[Row]:
    """Check processors, memory and CUDA devices."""
    memory = ''
    if hasattr(os, 'sysconf') and 'SC_PHYS_PAGES' in os.sysconf_names:
        memory = f', {os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB:.1f} GiB of memory'
    yield Row(OK, 'CPU', f'{available_cores()} cores{memory}')
    nothing: dict[str, Any] = dict(devices=[], cuda='')
    torch = next((line for line in found if 'devices' in line), nothing)
    for device in torch['devices']:
        yield Row(OK, 'CUDA', f'{device["name"]}, {device["free"] / GIB:.1f} of {device["total"] / GIB:.1f} GiB free')
    problem = next((line['triton'] for line in found if 'triton' in line), None)
    if problem is not None:
        install = ', or install Triton and a C compiler: pip install triton; apt install gcc'
        todo = f'unset MMWSL_TRITON{install if torch["devices"] else ""}'
        yield Row(NOTE, 'Triton', problem, todo) if problem else Row(OK, 'Triton', 'its kernels are used')
    if not torch['devices']:
        todo = f'torch is built for CUDA {torch["cuda"]}: check the driver with nvidia-smi' if torch['cuda'] else ''
        yield Row(NOTE, 'CUDA', 'no device', todo)


def weights() -> Iterator[Row]:
    """Look for the weights of each backbone."""
    for name in WEIGHTS:
        path = locate_weights(name)
        yield (
            Row(OK, name, str(path))
            if path
            else Row(NOTE, name, 'not on this machine', ', or '.join(ways_to_get(name)))
        )


def disk() -> Iterator[Row]:
    """Check the free space of the working directory, and of the memory that data loaders share."""
    free = shutil.disk_usage('.').free
    todo = (
        'free some: checkpoints, scores and cached features of 3000 images take about 4 GiB' if free < 8 * GIB else ''
    )
    yield Row(NOTE if todo else OK, 'disk', f'{free / GIB:.1f} GiB free in {os.getcwd()}', todo)
    if os.path.isdir('/dev/shm'):
        size = shutil.disk_usage('/dev/shm').total
        todo = 'docker run --ipc=host, or num_workers=0' if size < GIB else ''
        yield Row(NOTE if todo else OK, '/dev/shm', f'{size / GIB:.1f} GiB for the workers of data loaders', todo)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), '')[:160]
