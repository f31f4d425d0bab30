"""Everything of a batch is copied to pinned memory, the data samples too."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, LabelData, PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import Dataset
from torch.utils.data._utils.pin_memory import pin_memory

from mmwsl.engine.runner import WeakSegRunner


class Samples(Dataset):
    """Samples with the fields of an image in training and test; test-time augmentation lists its views."""

    def __init__(self, views=0):
        self.views = views

    def __len__(self):
        return 4

    def __getitem__(self, index):
        image = torch.full((3, 4, 5), index, dtype=torch.uint8)
        sample = SegDataSample(metainfo=dict(img_path=f'{index}.png', shape=np.ones(2)))
        sample.gt_sem_seg = PixelData(data=image[:1])
        sample.gt_label = LabelData(label=torch.tensor([index]), score=torch.ones(3))
        sample.regions = BaseDataElement(superpixels=image[0], names=['a'])
        sample.regions.set_data(dict(pair=(image[1], 'b'), by_name=dict(c=image[2])))
        if self.views:
            return dict(inputs=[image] * self.views, data_samples=[sample] * self.views)
        return dict(inputs=image, data_samples=sample)


def tensors_of(data):
    if isinstance(data, torch.Tensor):
        return [data]
    if isinstance(data, BaseDataElement | dict):
        data = [value for _, value in data.items()]
    return [one for value in data for one in tensors_of(value)] if isinstance(data, list | tuple) else []


def pinned_by_an_old_torch(data):
    """Copy data to pinned memory as older versions of torch: they ask for the method after all other types."""
    if isinstance(data, torch.Tensor):
        return data.pin_memory()
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, dict):
        return type(data)({name: pinned_by_an_old_torch(value) for name, value in data.items()})
    if isinstance(data, list | tuple):
        return type(data)([pinned_by_an_old_torch(value) for value in data])
    return data.pin_memory() if hasattr(data, 'pin_memory') else data


def loader_of(views, **settings):
    sampler = dict(type='DefaultSampler', shuffle=False)
    return WeakSegRunner.build_dataloader(dict(batch_size=2, sampler=sampler, dataset=Samples(views), **settings))


@pytest.mark.parametrize('pin', [pin_memory, pinned_by_an_old_torch])
@pytest.mark.parametrize('views', [0, 3])
@pytest.mark.parametrize('workers', [0, 1])
def test_all_tensors_are_copied_and_nothing_else_changes(views, workers, pin, monkeypatch):
    copies = []

    def copy(tensor, device=None):  # older versions of torch pass a device
        copies.append(tensor.clone())
        return copies[-1]

    monkeypatch.setattr(torch.Tensor, 'pin_memory', copy)  # without a GPU there is no pinned memory
    batch = next(iter(loader_of(views, num_workers=workers, pin_memory=True)))
    copies.clear()  # of a loader on a GPU
    pinned = pin(batch)
    found = tensors_of(pinned)
    assert type(pinned) is dict and len(found) == 2 * 7 * max(views, 1)
    assert {id(one) for one in found} == {id(one) for one in copies}
    for one, other in zip(found, tensors_of(batch), strict=True):
        assert torch.equal(one, other)
    first, plain = pinned['data_samples'][0], batch['data_samples'][0]
    first, plain = (first[0], plain[0]) if views else (first, plain)
    assert type(first) is SegDataSample and first.img_path == plain.img_path and first.regions.names == ['a']
    assert isinstance(first.regions.pair, tuple) and isinstance(first.regions.by_name, dict)


@pytest.mark.gpu
@pytest.mark.parametrize('workers', [0, 2])
def test_a_loader_pins_its_samples(workers):
    for batch in loader_of(0, num_workers=workers, pin_memory=True):
        assert all(tensor.is_pinned() for tensor in tensors_of(batch))
