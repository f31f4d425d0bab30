"""The superpixel CRF as a post-processor."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import superpixel_crf
from mmwsl.inference.postprocessors import build_postprocessors


@pytest.fixture
def sample():
    torch.manual_seed(0)
    sample = SegDataSample()
    sample.superpixels = PixelData(data=torch.randint(0, 4, (1, 6, 7)) * 5)
    sample.image = PixelData(data=torch.randint(0, 256, (3, 6, 7), dtype=torch.uint8))
    return sample


def test_crf_uses_image_and_superpixels(sample):
    (crf,) = build_postprocessors([dict(type='mmwsl.SuperpixelCRF', weight=2.0, color_sigma=50.0, iterations=4)])
    probs = torch.rand(3, 6, 7)
    expected = superpixel_crf(probs, sample.image.data, sample.superpixels.data[0], 2.0, 50.0, 4)
    assert torch.equal(crf(probs, sample), expected)


@pytest.mark.parametrize(('field', 'message'), [('image', 'KeepOriginalImage'), ('superpixels', 'ComputeSuperpixels')])
def test_a_missing_field_names_the_transform(field, message, sample):
    sample.pop(field)
    (crf,) = build_postprocessors([dict(type='mmwsl.SuperpixelCRF')])
    with pytest.raises(KeyError, match=f'SuperpixelCRF needs the field `{field}`.*{message}'):
        crf(torch.rand(3, 6, 7), sample)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(weight=-1), '`weight`.*-1'),
        (dict(color_sigma=0), '`color_sigma`.*got 0'),
        (dict(iterations=1.5), '`iterations`.*1.5'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_postprocessors([dict(type='mmwsl.SuperpixelCRF', **arguments)])
