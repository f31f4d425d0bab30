"""Processes that load images, where shared memory has no room."""

import sys

import pytest
import torch
from torch.utils.data import DataLoader

from mmwsl.engine.loader_workers import report_unsent
from mmwsl.utils.errors import exit_code, user_message
from tests.test_utils.test_files import small_files

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='shared memory is no file elsewhere')


class Images(torch.utils.data.Dataset):
    """Images of which one is large."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(1 << 20 if index == 2 else 1)


def test_an_image_that_cannot_be_sent_is_an_error_in_one_line():
    received = []
    with pytest.raises(RuntimeError) as raised, small_files(1 << 16):
        received.extend(map(len, report_unsent(DataLoader(Images(), batch_size=None, num_workers=2, timeout=60))))
    message = user_message(raised.value)
    assert '/dev/shm' in message and 'File too large' in message and 'num_workers=0' in message
    assert '\n' not in message and exit_code(raised.value) == 1
    assert len(received) <= 2


class Seeds(Images):
    """The seed of the process."""

    def __getitem__(self, index):
        return torch.initial_seed()


def _seed(worker):
    torch.manual_seed(7 + worker)


def test_the_function_of_the_loader_still_starts_its_processes():
    seeds = report_unsent(DataLoader(Seeds(), batch_size=None, num_workers=2, timeout=60, worker_init_fn=_seed))
    assert list(seeds) == [7, 8, 7, 8]
