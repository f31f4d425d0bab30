"""Threads and memory of a process that computes on a CPU."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmwsl.apis.cpu import prepare_cpu


@pytest.fixture
def threads():
    """The number of threads of torch, as it was afterwards."""
    before = torch.get_num_threads()
    yield torch.get_num_threads
    torch.set_num_threads(before)


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU computes')
@pytest.mark.parametrize('cores, expected', [(None, 1), (1, 1), (2, 2), (3, 2), (8, 7)])
def test_from_three_cores_on_one_reads_images(threads, monkeypatch, cores, expected):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    monkeypatch.setattr(os, 'cpu_count', lambda: cores)
    prepare_cpu()
    assert threads() == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU computes')
@pytest.mark.skipif(not hasattr(os, 'sched_getaffinity'), reason='only Linux restricts the cores of a process')
def test_only_cores_that_the_process_may_use_count(threads, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(os, 'cpu_count', lambda: 64)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: {3, 5, 7, 9})
    prepare_cpu()
    assert threads() == 3


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU computes')
def test_the_environment_takes_precedence(threads, monkeypatch):
    torch.set_num_threads(3)
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    prepare_cpu()
    assert threads() == 3  # torch has read the variable at its start


WORK = """
import resource, sys
from mmwsl.cli.main import run_command
sys.argv[0] = 'mmwsl'
try:
    run_command('print-config', ['wsl_lse_shapes'])
except SystemExit:
    pass
import torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(16_000_000)
print('\\nfaults', resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**variables):
    """Run a command, and count the page faults of 20 tensors of 64 MB afterwards; glibc returns those above 32 MB."""
    names = ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_')
    environment = {name: value for name, value in os.environ.items() if name not in names} | variables
    run = subprocess.run([sys.executable, '-c', WORK], env=environment, capture_output=True, text=True, check=True)
    return int(run.stdout.split('faults')[-1])


HUGE_PAGES = Path('/sys/kernel/mm/transparent_hugepage/enabled')


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU computes')
@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc returns memory')
@pytest.mark.skipif(HUGE_PAGES.exists() and '[always]' in HUGE_PAGES.read_text(), reason='few faults in any case')
def test_commands_keep_the_memory_of_large_tensors_unless_the_environment_says_otherwise():
    assert 5 * faults() < faults(MALLOC_TRIM_THRESHOLD_='131072')
