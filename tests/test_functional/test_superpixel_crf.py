"""CRF over superpixels against the enumeration of all labelings."""

import itertools
import math

import pytest
import torch

from mmwsl.functional import mean_field, superpixel_crf, superpixel_graph


def random_graph(seed, nodes=5, labels=3, strength=1.0):
    generator = torch.Generator().manual_seed(seed)
    edges = torch.tensor(
        [pair for pair in itertools.combinations(range(nodes), 2) if torch.rand((), generator=generator) < 0.6]
    ).view(-1, 2)
    unary = torch.rand(nodes, labels, generator=generator, dtype=torch.float64) + 0.05
    weights = strength * torch.rand(len(edges), generator=generator, dtype=torch.float64)
    return (unary / unary.sum(1, keepdim=True)).log(), edges, weights


def energies(log_unary, edges, weights):
    """Return every labeling and its energy."""
    nodes, labels = log_unary.shape
    labelings = torch.tensor(list(itertools.product(range(labels), repeat=nodes)))
    unary = -log_unary[torch.arange(nodes), labelings].sum(1)
    different = labelings[:, edges[:, 0]] != labelings[:, edges[:, 1]]
    return labelings, unary + different.double() @ weights


def free_energy(q, log_unary, edges, weights):
    agree = (q[edges[:, 0]] * q[edges[:, 1]]).sum(1)
    return ((q * (q.log() - log_unary)).sum() + (weights * (1 - agree)).sum()).item()


@pytest.mark.parametrize('seed', range(5))
def test_no_sweep_raises_the_free_energy_which_bounds_the_partition_function(seed):
    case = random_graph(seed, strength=3.0)
    values = [free_energy(mean_field(*case, iterations=n), *case) for n in range(12)]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(values))
    assert values[-1] >= -energies(*case)[1].neg().logsumexp(0).item() - 1e-9


@pytest.mark.parametrize('seed', range(5))
def test_the_result_is_a_fixed_point(seed):
    log_unary, edges, weights = random_graph(seed, strength=2.0)
    q = mean_field(log_unary, edges, weights, 500)
    torch.testing.assert_close(q.sum(1), torch.ones(5, dtype=torch.float64))
    for node in range(5):
        message = log_unary[node].clone()
        for (a, b), weight in zip(edges.tolist(), weights, strict=True):
            if node in (a, b):
                message += weight * q[b if node == a else a]
        torch.testing.assert_close(q[node], message.softmax(0))


def test_without_edges_the_marginals_are_the_unary():
    log_unary = random_graph(0)[0]
    none = torch.zeros(0, 2, dtype=torch.long)
    torch.testing.assert_close(mean_field(log_unary, none, torch.zeros(0)), log_unary.exp())


def test_weak_edges_give_the_marginals_of_the_distribution():
    """To first order in the weights mean field is exact."""
    log_unary, edges, weights = random_graph(3, strength=0.01)
    labelings, energy = energies(log_unary, edges, weights)
    probs = energy.neg().softmax(0)
    exact = torch.stack(
        [torch.stack([probs[labelings[:, node] == label].sum() for label in range(3)]) for node in range(5)]
    )
    q = mean_field(log_unary, edges, weights, 50)
    assert (q - exact).abs().max() < 1e-4 < (log_unary.exp() - exact).abs().max()


def test_a_path_with_two_labels_has_the_labeling_of_lowest_energy():
    """The energy is submodular, with confident ends and an uncertain middle that follows its stronger neighbor."""
    log_unary = torch.tensor([[0.95, 0.05], [0.55, 0.45], [0.45, 0.55], [0.05, 0.95], [0.1, 0.9]]).double().log()
    edges = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4]])
    for weights in ([2.0, 0.5, 2.0, 1.0], [2.0, 2.0, 0.1, 1.0], [0.1, 2.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0]):
        weights = torch.tensor(weights).double()
        labelings, energy = energies(log_unary, edges, weights)
        found = mean_field(log_unary, edges, weights, 100).argmax(1)
        assert torch.equal(found, labelings[energy.argmin()])


def test_graph_of_a_small_image():
    superpixels = torch.tensor([[0, 0, 2], [0, 4, 2], [4, 4, 4]])
    edges, lengths = superpixel_graph(superpixels)
    assert edges.tolist() == [[0, 2], [0, 4], [2, 4]]
    assert lengths.tolist() == [1, 3, 2]


def make_image():
    """Return two halves by color, with an uncertain wrong superpixel in the middle of the left half."""
    superpixels = torch.arange(6).view(1, 6).repeat(4, 1).repeat_interleave(3, 1) * 2
    image = torch.full((3, 4, 18), 20, dtype=torch.uint8)
    image[:, :, 9:] = 220
    first = torch.tensor([0.9, 0.4, 0.8, 0.2, 0.3, 0.1]).repeat_interleave(3).repeat(4, 1)
    return torch.stack([first, 1 - first]), image, superpixels


def test_smoothing_stops_at_the_edge_of_the_colors():
    probs, image, superpixels = make_image()
    result = superpixel_crf(probs, image, superpixels, weight=4.0, color_sigma=20.0)
    torch.testing.assert_close(result.sum(0), torch.ones(4, 18))
    assert result.argmax(0)[0].tolist() == [0] * 9 + [1] * 9
    plain = superpixel_crf(probs, image, superpixels, weight=0.0)
    torch.testing.assert_close(plain, probs)
    flat = superpixel_crf(probs, torch.zeros_like(image), superpixels, weight=50.0)
    assert flat.argmax(0).unique().numel() == 1


def test_weights_are_the_formula():
    torch.manual_seed(0)
    probs, image, superpixels = torch.rand(3, 8, 9), torch.rand(3, 8, 9) * 255, torch.randint(0, 4, (8, 9))
    edges, lengths = superpixel_graph(superpixels)
    mean = [torch.stack([values[:, superpixels == i].mean(1) for i in range(4)]) for values in (probs, image)]
    total = [sum(length for edge, length in zip(edges.tolist(), lengths, strict=True) if i in edge) for i in range(4)]
    weights = [
        2.5
        * length
        / math.sqrt(total[a] * total[b])
        * math.exp(-float((mean[1][a] - mean[1][b]).square().sum()) / (2 * 40.0**2))
        for (a, b), length in zip(edges.tolist(), lengths, strict=True)
    ]
    unary = mean[0] / mean[0].sum(1, keepdim=True)
    expected = mean_field(unary.log(), edges, torch.tensor(weights), 7)[superpixels].permute(2, 0, 1)
    torch.testing.assert_close(superpixel_crf(probs, image, superpixels, 2.5, 40.0, 7), expected)


def test_gaps_in_the_ids_and_dtypes_do_not_matter():
    probs, image, superpixels = make_image()
    expected = superpixel_crf(probs, image, superpixels)
    assert torch.equal(superpixel_crf(probs, image, superpixels * 1000 + 7), expected)
    assert torch.equal(superpixel_crf(probs, image, superpixels.to(torch.int32)), expected)
    assert superpixel_crf(probs.double(), image, superpixels).dtype == torch.float64


def test_one_superpixel_and_scores_of_zero():
    probs = torch.zeros(3, 4, 5)
    result = superpixel_crf(probs, torch.zeros(3, 4, 5), torch.zeros(4, 5, dtype=torch.long))
    torch.testing.assert_close(result, torch.full((3, 4, 5), 1 / 3))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(probs=torch.rand(4, 18)), r'`probs` must be \(K, H, W\)'),
        (dict(probs=torch.full((2, 4, 18), torch.nan)), '`probs` must be finite and non-negative'),
        (dict(probs=-torch.rand(2, 4, 18)), '`probs` must be finite and non-negative.*logits'),
        (dict(image=torch.rand(3, 4, 9)), r'`image` must be \(C, 4, 18\) like `probs`, got \(3, 4, 9\)'),
        (dict(superpixels=torch.zeros(4, 9).long()), r'`superpixels` must have the size \(4, 18\)'),
        (dict(superpixels=torch.zeros(4, 18)), '`superpixels` must be integer ids, got torch.float32'),
        (dict(weight=-1.0), '`weight` must be a non-negative finite number, got -1.0'),
        (dict(color_sigma=0.0), '`color_sigma` must be a positive finite number, got 0.0'),
    ],
)
def test_bad_input(change, message):
    probs, image, superpixels = make_image()
    with pytest.raises(ValueError, match=message):
        superpixel_crf(**{**dict(probs=probs, image=image, superpixels=superpixels), **change})
