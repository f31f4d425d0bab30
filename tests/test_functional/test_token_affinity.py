"""Loss of the affinities of tokens: the worked number, pairs one by one; attention that a decoder selects."""

import pytest
import torch

from mmwsl.functional import guided_attention, token_affinity_loss


def test_the_worked_number():
    """Positive pairs of affinity 0.9 and 0.8, a negative pair of 0.3."""
    affinity = torch.tensor([[[0.9, 0.3], [0.5, 0.5]]])
    labels = torch.tensor([[[1, 255]]])
    assert token_affinity_loss(affinity, labels).item() == pytest.approx(0.5 * 0.1 / 2)
    # Tokens 0 and 1 differ; 0.9 and 0.8 are on the diagonal, 0.3 is one of the negative pairs and 0 the other.
    affinity = torch.tensor([[[0.9, 0.3], [0.0, 0.8]]])
    loss = token_affinity_loss(affinity, torch.tensor([[[1, 2]]]))
    assert loss.item() == pytest.approx(0.5 * 0.3 / 3 + 0.5 * 0.3 / 3)
    assert 0.5 * (0.1 + 0.2) / (2 + 1) + 0.5 * 0.3 / (1 + 1) == pytest.approx(0.125)


@pytest.mark.parametrize('radius', [0, 1, 8])
def test_pairs_are_those_within_the_window(radius):
    torch.manual_seed(0)
    affinity, labels = torch.rand(2, 12, 12), torch.randint(0, 3, (2, 3, 4))
    labels[0, 1, 2] = 255
    sums = dict.fromkeys((True, False), 0.0)
    counts = dict.fromkeys((True, False), 0)
    for image in range(2):
        for i in range(12):
            for j in range(12):
                (y, x), (v, u) = divmod(i, 4), divmod(j, 4)
                first, second = labels[image, y, x].item(), labels[image, v, u].item()
                if max(abs(y - v), abs(x - u)) > radius or 255 in (first, second):
                    continue
                equal = first == second
                value = affinity[image, i, j].item()
                sums[equal] += 1 - value if equal else value
                counts[equal] += 1
    expected = sum(0.5 * sums[kind] / (counts[kind] + 1) for kind in sums)
    assert token_affinity_loss(affinity, labels, radius).item() == pytest.approx(expected, rel=1e-5)


def test_a_perfect_affinity_has_the_loss_0_and_gradients_are_checked():
    labels = torch.tensor([[[0, 1], [1, 255]]])
    flat = labels.flatten(1)
    perfect = (flat[:, :, None] == flat[:, None]).double()
    assert token_affinity_loss(perfect, labels) == 0
    assert token_affinity_loss(perfect, torch.full_like(labels, 255)) == 0
    affinity = torch.rand(1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: token_affinity_loss(x, labels), affinity)
    token_affinity_loss(affinity, labels).backward()
    assert not affinity.grad[0, 3].any() and not affinity.grad[0, :, 3].any()
    with pytest.raises(ValueError, match='must agree'):
        token_affinity_loss(perfect[:, :3], labels)
    with pytest.raises(ValueError, match='`radius` must be non-negative'):
        token_affinity_loss(perfect, labels, radius=-1)


def test_attention_is_selected_by_the_signed_difference():
    guide = torch.full((2, 2), 0.5)
    small, middle, large = (torch.full((2, 2), value) for value in (0.1, 0.3, 0.8))
    # d = 1.6, 0.8, -1.2; the mean is 0.4: only the largest attention is selected.
    assert torch.equal(guided_attention([small, middle, large], guide), guide * large)
    torch.testing.assert_close(guided_attention([middle, large, large], guide), guide * large)
    torch.testing.assert_close(guided_attention([middle, middle, small], guide), guide * middle)
    assert torch.equal(guided_attention([small], guide), guide * small)
    with pytest.raises(ValueError, match='one or more of the shape'):
        guided_attention([], guide)
