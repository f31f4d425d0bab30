"""Post-processing copies its numbers to the device without waiting for it."""

import pytest
import torch

from mmwsl.functional import PermutohedralLattice, class_thresholds, pixel_adaptive_refinement
from tests.device_reads import CountReads


@pytest.mark.parametrize(
    'function',
    [
        # The device `meta` stands for a GPU: its tensors have shapes and no values.
        lambda: class_thresholds(torch.rand(3, 4, 5, device='meta'), torch.tensor([0.5, 0.2])),
        lambda: PermutohedralLattice(torch.rand(40, 5)).filter(torch.rand(40, 2)),
        lambda: pixel_adaptive_refinement(torch.rand(2, 9, 9), torch.rand(3, 9, 9), variant='par'),
    ],
    ids=['thresholds', 'lattice', 'par'],
)
def test_no_copy_of_numbers_waits(function):
    with CountReads() as counter:
        function()
    assert not counter.found['constant'] and not counter.found['blocking copy']
