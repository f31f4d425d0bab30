"""Post-processing copies its numbers to the device without waiting for it."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.overrides import TorchFunctionMode

from mmwsl.functional import PermutohedralLattice, class_thresholds, pixel_adaptive_refinement
from mmwsl.inference.postprocessors import DenseCRF
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


class CopiesToTheCPU(TorchFunctionMode):
    """Records of each copy to the CPU whether the program would read it before it is complete."""

    def __init__(self):
        super().__init__()
        self.unfinished = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func is torch.Tensor.to and result.device.type == 'cpu':
            self.unfinished.append(bool((kwargs or {}).get('non_blocking')))
        return result


def refine():
    """Run a CRF whose compatibility may be on another device than the scores."""
    sample = SegDataSample(image=PixelData(data=torch.zeros(3, 8, 9, dtype=torch.uint8)))
    DenseCRF(compatibility=[[0, 1], [1, 0]], iterations=1).process(torch.full((2, 8, 9), 0.5), sample)


@pytest.mark.parametrize(
    'function',
    [lambda: class_thresholds(torch.rand(3, 4, 5), torch.tensor([0.5, 0.2])), refine],
    ids=['thresholds', 'compatibility'],
)
def test_a_copy_to_the_cpu_waits_for_its_values(function):
    with CopiesToTheCPU() as copies:
        function()
    assert copies.unfinished and not any(copies.unfinished)
