"""Batches of the fused data preprocessor are those of mmseg's to the last bit."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch.utils._python_dispatch import TorchDispatchMode

from mmwsl.models import FusedSegDataPreProcessor, fused_data_preprocessor

COLORS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
DIFFERENT = ((20, 30), (32, 17), (32, 32))


def batch(*sizes, channels=3, dtype=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    images, samples = [], []
    for size in sizes:
        images.append(torch.randint(0, 256, (channels, *size), generator=generator).to(dtype))
        mask = PixelData(data=torch.randint(0, 5, (1, *size), generator=generator).byte())
        samples.append(SegDataSample(gt_sem_seg=mask, metainfo=dict(ori_shape=size)))
    return dict(inputs=images, data_samples=samples)


def assert_equal_batches(settings, data, training, **fused):
    expected = SegDataPreProcessor(**settings)(copy.deepcopy(data), training)
    result = FusedSegDataPreProcessor(**settings, **fused)(copy.deepcopy(data), training)
    assert result.keys() == expected.keys()
    assert result['inputs'].dtype == torch.float32 and torch.equal(result['inputs'], expected['inputs'])
    for sample, other in zip(result['data_samples'], expected['data_samples'], strict=True):
        assert sample.metainfo == other.metainfo
        assert torch.equal(sample.gt_sem_seg.data, other.gt_sem_seg.data)
    return result['inputs']


@pytest.mark.parametrize(
    'settings',
    [
        dict(size=(40, 48), **COLORS),
        dict(size_divisor=16, pad_val=-3.5, seg_pad_val=7, **COLORS),
        dict(size=(40, 48), pad_val=100, mean=[127.5], std=[64.0]),
        dict(size_divisor=1, rgb_to_bgr=True),
        dict(size=(32, 32)),
    ],
)
@pytest.mark.parametrize('channels_last', [False, True])
def test_training(settings, channels_last):
    inputs = assert_equal_batches(settings, batch(*DIFFERENT), True, channels_last=channels_last)
    assert inputs.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


@pytest.mark.parametrize('test_cfg', [None, dict(size=(40, 48)), dict(size_divisor=32)])
def test_inference(test_cfg):
    assert_equal_batches(dict(size=(64, 64), pad_val=9, test_cfg=test_cfg, **COLORS), batch((20, 30), (20, 30)), False)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.int16])
def test_images_of_other_types(dtype):
    assert_equal_batches(dict(size=(32, 32), **COLORS), batch(*DIFFERENT, dtype=dtype), True)


def test_other_channels_keep_their_order():
    settings = dict(size=(32, 32), mean=[127.5], std=[64.0], bgr_to_rgb=True)
    assert_equal_batches(settings, batch(*DIFFERENT, channels=4), True)


def test_the_images_do_not_change():
    data = batch((20, 30))
    before = data['inputs'][0].clone()
    FusedSegDataPreProcessor(size=(20, 30), **COLORS)(data, True)
    assert torch.equal(data['inputs'][0], before)


def test_images_of_several_sizes():
    with pytest.raises(ValueError, match=r'`inputs` must have one size .*\(20, 30\), \(32, 17\).*batch_size` to 1'):
        FusedSegDataPreProcessor()(batch(*DIFFERENT), False)
    with pytest.raises(RuntimeError, match='stack expects each tensor to be equal size'):
        FusedSegDataPreProcessor(size=(8, 8))(batch(*DIFFERENT), True)


class CountOperations(TorchDispatchMode):
    """Counter of operations that start a kernel on a GPU, for which `meta` stands; views and allocations do not."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **kwargs or {})
        allocates = 'empty' in func.overloadpacket.__name__
        if isinstance(result, torch.Tensor) and result.is_meta and not func.is_view and not allocates:
            self.count += 1
        return result


@pytest.mark.parametrize('count', [2, 8])
@pytest.mark.parametrize(('size', 'sizes', 'most'), [((20, 30), [(20, 30)], 5), ((32, 32), list(DIFFERENT[:2]), 11)])
def test_operations_of_a_gpu(count, size, sizes, most, monkeypatch):
    """Images of one size are joined at once; images of several sizes are copied to their places one by one."""
    preprocessor = FusedSegDataPreProcessor(size=size, **COLORS).to('meta')
    images = [torch.empty(3, *one, dtype=torch.uint8, device='meta') for one in (sizes * count)[:count]]
    counter, stack_batch = CountOperations(), fused_data_preprocessor.stack_batch

    def without_kernels(*args, **settings):  # its images have no memory on a GPU either
        before = counter.count
        result = stack_batch(*args, **settings)
        counter.count = before
        return result

    monkeypatch.setattr(fused_data_preprocessor, 'stack_batch', without_kernels)
    with counter:
        inputs = preprocessor(dict(inputs=images, data_samples=[SegDataSample() for _ in images]), True)['inputs']
    assert inputs.is_meta and inputs.shape == (count, 3, *size)
    assert counter.count == most + (count if len(sizes) > 1 else 0)


@pytest.mark.gpu
@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('sizes', [DIFFERENT, ((20, 30), (20, 30))])
@pytest.mark.parametrize('settings', [dict(size=(40, 48)), dict(size_divisor=1), dict(size=(40, 48), pad_val=-3.5)])
def test_batches_of_a_gpu_are_those_of_the_cpu(sizes, settings, channels_last):
    one = FusedSegDataPreProcessor(**settings, **COLORS)(batch(*sizes), True)
    other = FusedSegDataPreProcessor(channels_last, **settings, **COLORS).to('cuda')(batch(*sizes), True)
    torch.testing.assert_close(other['inputs'].cpu(), one['inputs'], rtol=1e-6, atol=1e-6)
    for sample, expected in zip(other['data_samples'], one['data_samples'], strict=True):
        assert torch.equal(sample.gt_sem_seg.data.cpu(), expected.gt_sem_seg.data)
