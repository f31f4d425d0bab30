"""Labels of the pixels from class maps: fixed thresholds, and those of a mixture of Gaussians."""

import pytest
import torch
from torch import distributed, multiprocessing
from torch.nn import functional as F

from mmwsl.functional import fit_gaussian_mixture
from mmwsl.models import MixtureLabeler, OnlineLabeler
from tests.conftest import free_port


def labels_by(labeler, maps, image_labels):
    valid = torch.ones(len(maps), *maps.shape[2:], dtype=torch.bool)
    return labeler(maps, torch.zeros(len(maps), 3, *maps.shape[2:]), image_labels, valid)


def test_thresholds_of_the_mixture_are_those_of_its_scores_for_each_class():
    """Two classes with different scores; one of them has too few images."""
    labeler = MixtureLabeler(4, scale=1.0, iterations=0, interval=10, min_images=10, memory=1000)
    generator = torch.manual_seed(0)
    values = []
    for index in range(20):
        means = torch.tensor([0.2, 0.5, 0.9])[torch.randint(0, 3, (40, 40), generator=generator)]
        scores = (means + 0.03 * torch.randn(40, 40, generator=generator)).clamp(0, 1)
        scores[0, :2] = torch.tensor([0.0, 1.0])
        maps = torch.stack([scores, scores**1.5, scores])[None]
        shown = torch.tensor([[0.0, index % 2, 1 - index % 2, 0]])
        labels_by(labeler, maps, shown)
        values.append(scores)
    low, high = labeler.thresholds
    assert labeler.images.tolist() == [10, 10, 0]
    for label, power in ((0, 1.0), (1, 1.5)):
        own = torch.stack(values[1 - label :: 2]).pow(power).flatten().numpy()
        mixture = fit_gaussian_mixture(own[own > 0.05], components=3)
        assert mixture.means[0] < low[label] < mixture.means[1] < high[label] < mixture.means[2]
    assert low[1] < low[0] and (low[2], high[2]) == (0.25, 0.7)


def test_a_present_class_without_a_positive_score_leaves_no_certain_background():
    labeler = OnlineLabeler(3, scale=1.0, iterations=0)
    maps = torch.stack([torch.linspace(-1, 1, 16).view(4, 4), torch.full((4, 4), -1.0)])[None]
    assert set(labels_by(labeler, maps, torch.tensor([[0.0, 1.0, 0.0]])).unique().tolist()) == {0, 1, 255}
    assert set(labels_by(labeler, maps, torch.tensor([[0.0, 1.0, 1.0]])).unique().tolist()) == {1, 255}


def test_the_histogram_of_a_class_forgets_its_images_but_not_those_of_other_classes():
    labeler = MixtureLabeler(3, scale=1.0, iterations=0, memory=4, min_images=100)
    generator = torch.manual_seed(0)
    expected = torch.zeros(2, 256, dtype=torch.float64)
    for label in (0, 0, 1, 0):
        maps = torch.rand(1, 2, 8, 8, generator=generator)
        labels_by(labeler, maps, F.one_hot(torch.tensor([label + 1]), 3).float())
        score = maps[0, label] - maps[0, label].min()
        score = score / (score.max() + 1e-5)
        expected[label] = 0.75 * expected[label] + torch.histc(score[score > 0.05], 256, 0, 1).double()
    torch.testing.assert_close(labeler.histogram, expected)


def test_a_batch_of_two_images_forgets_as_two_batches_and_adds_both():
    one, both = (MixtureLabeler(3, scale=1.0, iterations=0, memory=4, min_images=100) for _ in range(2))
    maps, labels = torch.rand(2, 2, 8, 8, generator=torch.manual_seed(0)), torch.tensor([[0.0, 1, 1], [0.0, 1, 0]])
    labels_by(both, torch.rand(1, 2, 8, 8), labels[:1])
    start = both.histogram.clone()
    labels_by(both, maps, labels)
    parts = []
    for index in range(2):
        one.histogram.zero_()
        labels_by(one, maps[index : index + 1], labels[index : index + 1])
        parts.append(one.histogram.clone())
    forgotten = torch.tensor([[0.75**2], [0.75]], dtype=torch.float64) * start
    torch.testing.assert_close(both.histogram, forgotten + parts[0] + parts[1])
    assert both.images.tolist() == [3, 2]


def observe_a_half(rank, port, folder):
    distributed.init_process_group('gloo', f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    generator = torch.manual_seed(0)
    labeler = MixtureLabeler(3, scale=1.0, iterations=0, interval=2, min_images=2)
    for _ in range(2):
        maps = torch.rand(2, 2, 32, 32, generator=generator)
        labels_by(labeler, maps[rank : rank + 1], torch.tensor([[0.0, 1, 1], [0, 1, 0]])[rank : rank + 1])
    torch.save(labeler.state_dict(), folder / f'{rank}.pth')
    distributed.destroy_process_group()


def test_two_processes_estimate_thresholds_as_one(tmp_path):
    multiprocessing.spawn(observe_a_half, (free_port(), tmp_path), nprocs=2)
    generator = torch.manual_seed(0)
    labeler = MixtureLabeler(3, scale=1.0, iterations=0, interval=2, min_images=2)
    for _ in range(2):
        labels_by(labeler, torch.rand(2, 2, 32, 32, generator=generator), torch.tensor([[0.0, 1, 1], [0, 1, 0]]))
    assert labeler.images.tolist() == [4, 2]
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f'{rank}.pth', weights_only=True), labeler.state_dict())


def test_the_fixed_thresholds_hold_where_one_gaussian_fits():
    labeler = MixtureLabeler(2, scale=1.0, iterations=0, interval=1, min_images=1, bg_threshold=0.2, fg_threshold=0.6)
    labels_by(labeler, torch.ones(1, 1, 8, 8), torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(labeler.thresholds, torch.tensor([[0.2], [0.6]]))


@pytest.mark.parametrize(
    'labeler, options, message',
    [
        (OnlineLabeler, dict(bg_threshold=0.8), 'must be in .0, 1., the first not above the second, got 0.8 and 0.7'),
        (OnlineLabeler, dict(scale=0.0), r'`scale` must be in \(0, 1\], got 0.0'),
        (OnlineLabeler, dict(iterations=-1), '`iterations` must be'),
        (MixtureLabeler, dict(memory=0), '`memory` must be'),
        (MixtureLabeler, dict(min_score=1.0), r'`min_score` must be in \[0, 1\), got 1.0'),
    ],
)
def test_errors_of_the_labelers(labeler, options, message):
    with pytest.raises(ValueError, match=message):
        labeler(3, **options)
