"""The random walk by the affinities of a trained network, against its parts one by one."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from mmwsl.functional import half_disc_offsets, sparse_random_walk
from mmwsl.inference.postprocessors import build_postprocessors
from tests.conftest import tiny_settings

HEADS = dict(
    psa=dict(type='mmwsl.AffinityHead', level_channels=(4, 4)),
    irn=dict(
        type='mmwsl.InterPixelRelationHead',
        edge_channels=4,
        displacement_channels=(8, 8),
        fused_channels=16,
        coarse_index=1,
    ),
)
MEAN = 128.0


@pytest.fixture
def network(tmp_path):
    """A function that writes config and weights of an affinity network, and returns the arguments and the network."""

    def write(name, head=None):
        settings = {key: tiny_settings('.')[key] for key in ('default_scope', 'model')}
        common = dict(in_channels=(4, 8), in_index=(1, 0), num_classes=2)
        settings['model']['decode_head'] = head or dict(HEADS[name], **common)
        with DefaultScope.overwrite_default_scope('mmseg'):
            torch.manual_seed(0)
            model = MODELS.build(Config(settings).model).eval()
        config, checkpoint = str(tmp_path / 'affinity.py'), str(tmp_path / 'affinity.pth')
        Config(settings).dump(config)
        torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
        return dict(type='mmwsl.LearnedAffinityWalk', config=config, checkpoint=checkpoint), model

    return write


def case(height=12, width=16):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    return torch.rand(4, height, width, generator=generator), SegDataSample(image=PixelData(data=image))


def outputs(model, image):
    """Run backbone and head on a BGR image, normalized by hand."""
    inputs = (image.float().flip(0)[None] - MEAN) / MEAN
    with torch.no_grad():
        return model.decode_head(model.backbone(inputs))


def test_all_classes_walk_by_the_features(network):
    settings, model = network('psa')
    probs, sample = case()
    probs[2] = 0  # an absent class
    (step,) = build_postprocessors([dict(settings, radius=3, beta=4.0, log_steps=3)])
    affinities = model.decode_head.affinities(outputs(model, sample.image.data), 3)[0]
    expected = sparse_random_walk(probs, affinities, half_disc_offsets(3), 4.0, 3)
    torch.testing.assert_close(step(probs, sample), expected)
    assert not step(probs, sample)[2].any() and not torch.allclose(expected, probs, atol=0.01)


def test_the_foreground_walks_by_the_boundaries_and_a_background_is_added(network):
    settings, model = network('irn')
    probs, sample = case()
    background = dict(type='mmwsl.ConstantBackground', threshold=0.25)
    (step,) = build_postprocessors([dict(settings, beta=10.0, log_steps=2, flip=True, background=background)])
    image = sample.image.data
    logits = (outputs(model, image)[0, 0] + outputs(model, image.flip(2))[0, 0].flip(1)) / 2
    affinities = model.decode_head.affinities(logits[None, None], 5)[0]
    weighted = probs[1:] * (1 - logits.sigmoid())
    walked = sparse_random_walk(weighted, affinities, half_disc_offsets(5), 10.0, 2)
    result = step(probs, sample)
    torch.testing.assert_close(result[1:], walked / walked.max())
    assert (result[0] == 0.25).all() and result.max() == 1
    probs[1:] = 0
    empty = step(probs, sample)
    assert (empty[0] == 0.25).all() and not empty[1:].any()


def test_all_classes_walk_by_the_boundaries_without_a_background_model(network):
    settings, model = network('irn')
    probs, sample = case()
    (step,) = build_postprocessors([dict(settings, beta=10.0, log_steps=2)])
    affinities = model.decode_head.affinities(outputs(model, sample.image.data), 5)[0]
    expected = sparse_random_walk(probs, affinities, half_disc_offsets(5), 10.0, 2)
    torch.testing.assert_close(step(probs, sample), expected)


def test_a_network_for_smaller_images(network):
    settings, model = network('psa')
    probs, sample = case()
    (step,) = build_postprocessors([dict(settings, image_size=8, log_steps=1)])
    small = F.interpolate(sample.image.data.float()[None], (6, 8), mode='bilinear', antialias=True)[0]
    affinities = model.decode_head.affinities(outputs(model, small), 5)[0]
    assert affinities.shape == (34, 6, 8)
    expected = sparse_random_walk(probs, affinities, half_disc_offsets(5), 8.0, 1)
    torch.testing.assert_close(step(probs, sample), expected)


def test_a_network_is_loaded_once_and_frozen(network):
    settings, _ = network('psa')
    first, second = build_postprocessors([settings, dict(settings, beta=1.0)])
    assert first.network is second.network and not first.network.training
    assert not any(parameter.requires_grad for parameter in first.network.parameters())
    network('irn')  # other files of the same names
    (third,) = build_postprocessors([settings])
    assert third.network is not first.network and type(third.network.head).__name__ == 'InterPixelRelationHead'


def test_provenance(network):
    (step,) = build_postprocessors([dict(network('psa')[0], tuned_on='masks of voc6 train')])
    assert step.provenance == dict(tuned_on='masks of voc6 train')


@pytest.mark.parametrize(
    'change, error, message',
    [
        (
            dict(checkpoint='none.pth'),
            FileNotFoundError,
            r"`checkpoint` must be an existing file, got 'none.pth'.*train.py",
        ),
        (dict(config='none.py'), FileNotFoundError, "`config` must be an existing file, got 'none.py'"),
        (dict(radius=1), ValueError, '`radius` must be an integer of at least 2, got 1'),
        (dict(beta=-1.0), ValueError, '`beta` must be'),
        (dict(log_steps=0.5), ValueError, '`log_steps` must be an integer'),
        (dict(image_size=0), ValueError, '`image_size` must be a positive integer, got 0'),
        (dict(background=dict(type='mmwsl.LearnedBackground')), TypeError, 'must derive the background'),
    ],
)
def test_bad_arguments(network, change, error, message):
    settings, _ = network('psa')
    with pytest.raises(error, match=message):
        build_postprocessors([settings | change])


def test_a_checkpoint_of_another_network_and_a_head_without_affinities(network, tmp_path):
    settings, _ = network('psa')
    (tmp_path / 'affinity.pth').rename(tmp_path / 'psa.pth')
    settings, _ = network('irn')
    with pytest.raises(ValueError, match=r'must fit .*affinity.py, got .*psa.pth: \d+ of \d+ weights differ'):
        build_postprocessors([dict(settings, checkpoint=str(tmp_path / 'psa.pth'))])
    settings, _ = network('psa', tiny_settings('.')['model']['decode_head'])
    with pytest.raises(TypeError, match='must predict affinities, got FCNHead'):
        build_postprocessors([settings])


def test_a_missing_image_names_the_transform(network):
    (step,) = build_postprocessors([network('psa')[0]])
    with pytest.raises(KeyError, match='LearnedAffinityWalk needs the field `image`.*KeepOriginalImage'):
        step(case()[0], SegDataSample())
