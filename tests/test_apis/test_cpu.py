"""Threads of a process that computes on a CPU."""

import os

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
    monkeypatch.setattr(os, 'cpu_count', lambda: cores)
    prepare_cpu()
    assert threads() == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU computes')
def test_the_environment_takes_precedence(threads, monkeypatch):
    torch.set_num_threads(3)
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    prepare_cpu()
    assert threads() == 3  # torch has read the variable at its start
