"""The SVMs of zoom-out features and the superpixel CRF as steps."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.functional import saliency_prior, superpixel_crf
from mmwsl.inference.postprocessors import build_postprocessors


@pytest.fixture
def sample():
    torch.manual_seed(0)
    sample = SegDataSample()
    sample.superpixels = PixelData(data=torch.randint(0, 4, (1, 6, 7)) * 5)
    sample.image = PixelData(data=torch.randint(0, 256, (3, 6, 7), dtype=torch.uint8))
    sample.superpixel_features = torch.randn(4, 3)
    return sample


def svm_file(folder, **content):
    torch.save(
        dict(weight=torch.tensor([[1.0, 0, 2], [0, -1, 0.5]]), bias=torch.tensor([0.5, -1.0]), **content),
        folder / 'svm.pth',
    )
    return str(folder / 'svm.pth')


def test_every_pixel_gets_the_probability_of_its_superpixel(sample, tmp_path):
    (step,) = build_postprocessors(
        [dict(type='mmwsl.ZoomOutSVM', svm=svm_file(tmp_path, classes=['background', 'a', 'b']))]
    )
    probs = torch.rand(3, 6, 7)
    result = step(probs, sample)
    assert torch.equal(result[0], probs[0])
    ids = sample.superpixels.data[0]
    for row, number in zip(sample.superpixel_features, ids.unique(), strict=True):
        expected = torch.stack([row[0] + 2 * row[2] + 0.5, -row[1] + 0.5 * row[2] - 1]).sigmoid()
        torch.testing.assert_close(result[1:, ids == number], expected[:, None].expand(2, (ids == number).sum()))


@pytest.mark.parametrize(
    'content',
    [
        None,
        dict(weight=torch.zeros(2, 3)),
        torch.zeros(2),
        dict(weight=torch.zeros(2, 3), bias=torch.zeros(3)),
        dict(weight=1, bias=2),
    ],
)
def test_bad_files(content, tmp_path):
    path = tmp_path / 'svm.pth'
    if content is not None:
        torch.save(content, path)
    error, message = (
        (FileNotFoundError, r'tools/fit_zoom_out\.py CONFIG CHECKPOINT')
        if content is None
        else (ValueError, 'svm.pth.*must hold')
    )
    with pytest.raises(error, match=message):
        build_postprocessors([dict(type='mmwsl.ZoomOutSVM', svm=str(path))])


def test_a_file_for_another_network_or_other_classes(sample, tmp_path):
    (step,) = build_postprocessors([dict(type='mmwsl.ZoomOutSVM', svm=svm_file(tmp_path))])
    with pytest.raises(ValueError, match='2 foreground classes and 3 features, but the model has 3 and 3: fit it anew'):
        step(torch.rand(4, 6, 7), sample)
    sample.superpixel_features = torch.randn(4, 5)
    with pytest.raises(ValueError, match='2 foreground classes and 3 features, but the model has 2 and 5'):
        step(torch.rand(3, 6, 7), sample)


def test_crf_uses_image_and_superpixels(sample):
    (step,) = build_postprocessors([dict(type='mmwsl.SuperpixelCRF', weight=2.0, color_sigma=50.0, iterations=4)])
    probs = torch.rand(3, 6, 7)
    expected = superpixel_crf(probs, sample.image.data, sample.superpixels.data[0], 2.0, 50.0, 4)
    assert torch.equal(step(probs, sample), expected)


@pytest.mark.parametrize(('field', 'message'), [('image', 'KeepOriginalImage'), ('superpixels', 'ComputeSuperpixels')])
def test_a_missing_field_names_what_to_add(field, message, sample, tmp_path):
    sample.pop(field)
    (step,) = build_postprocessors([dict(type='mmwsl.SuperpixelCRF')])
    with pytest.raises(KeyError, match=f'SuperpixelCRF needs the field `{field}`.*{message}'):
        step(torch.rand(3, 6, 7), sample)
    sample.pop('superpixel_features')
    (step,) = build_postprocessors([dict(type='mmwsl.ZoomOutSVM', svm=svm_file(tmp_path))])
    with pytest.raises(KeyError, match='ZoomOutSVM needs the field'):
        step(torch.rand(3, 6, 7), sample)


def test_the_geometric_mean_of_scores_and_saliency(sample):
    probs, saliency = torch.rand(3, 6, 7), torch.rand(3, 6, 7)
    sample.class_saliency = PixelData(data=saliency)
    (step,) = build_postprocessors([dict(type='mmwsl.SaliencyPrior', power=0.5)])
    result = step(probs, sample)
    assert torch.equal(result[0], probs[0])
    torch.testing.assert_close(result[1:], (probs * saliency).sqrt()[1:])
    for call in (
        lambda: build_postprocessors([dict(type='mmwsl.SaliencyPrior', power=0)]),
        lambda: saliency_prior(probs, saliency, 0),
    ):
        with pytest.raises(ValueError, match='`power` must be a positive finite number, got 0'):
            call()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(weight=-1), '`weight`.*-1'),
        (dict(color_sigma=0), '`color_sigma`.*got 0'),
        (dict(iterations=1.5), '`iterations`.*1.5'),
    ],
)
def test_bad_arguments_of_the_crf(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_postprocessors([dict(type='mmwsl.SuperpixelCRF', **arguments)])
