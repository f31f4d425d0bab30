"""Class tokens: the worked numbers, and properties of the maps of their attention."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import (
    class_attention,
    class_token_contrast,
    crop_token_contrast,
    fuse_class_attention,
    global_weighted_rank_pool,
    patch_attention,
    refine_by_attention,
)


def test_worked_numbers():
    orthonormal = torch.tensor([[[[2.0, 0, 0], [0, 5.0, 0]]]])
    assert class_token_contrast(orthonormal, torch.ones(1, 2)).item() == pytest.approx(0.3133, abs=5e-5)
    values = torch.tensor([1.0, 3, 2]).view(1, 1, 1, 3)
    assert global_weighted_rank_pool(values, 0.5).item() == pytest.approx(2.4286, abs=5e-5)


def test_crops_by_hand():
    teacher, students = torch.tensor([[[1.0, 0]]]), torch.tensor([[[1.0, 0], [0, 1.0]]])
    positive = torch.tensor([[True, False]])
    assert crop_token_contrast(teacher, students, positive).item() == pytest.approx(0.8201, abs=5e-5)
    torch.manual_seed(0)
    teachers, students = torch.randn(3, 2, 4), torch.randn(3, 5, 4)
    positive = torch.tensor([[1, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]).bool()
    expected = 0.0
    for image in range(2):  # the third has no positive crop
        for q in teachers[image]:
            negative = sum(math.exp(q @ k / 0.7) for k in students[image][~positive[image]]) + 1e-4
            terms = [math.exp(q @ k / 0.7) for k in students[image][positive[image]]]
            total = sum(math.log(term / (term + negative)) for term in terms) + math.log(1 / (1 + negative))
            expected -= total / len(terms) / 6
    assert crop_token_contrast(teachers, students, positive, 0.7).item() == pytest.approx(expected, rel=1e-5)


def test_crops_teach_the_students_only_and_do_not_overflow():
    teachers, students = torch.randn(2, 2, 3, requires_grad=True), torch.randn(2, 4, 3, requires_grad=True)
    positive = torch.tensor([[True, False, True, False], [False] * 4])
    crop_token_contrast(teachers, students, positive).backward()
    assert teachers.grad is None and students.grad[0].any(1).all() and not students.grad[1].any()
    large = crop_token_contrast(teachers * 1e3, students * 1e3, positive)
    assert large.isfinite() and crop_token_contrast(teachers.half(), students.half(), positive).dtype == torch.float32
    with pytest.raises(ValueError, match='must agree'):
        crop_token_contrast(teachers, students, positive[:, :3])
    with pytest.raises(ValueError, match='`temperature` must be positive'):
        crop_token_contrast(teachers, students, positive, 0)


def test_the_contrast_is_a_cross_entropy_over_the_present_classes():
    torch.manual_seed(0)
    tokens, labels = torch.randn(3, 4, 5, 6), torch.tensor([[1, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, -1]])
    expected = []
    for image in (0, 2):
        for layer in range(4):
            z = F.normalize(tokens[image, layer], dim=1)
            rows = [F.cross_entropy((z[c] @ z.T)[None], torch.tensor([c])) for c in range(5) if labels[image, c] == 1]
            expected.append(torch.stack(rows).mean())
    torch.testing.assert_close(class_token_contrast(tokens, labels), torch.stack(expected).mean())
    order = torch.tensor([3, 1, 4, 0, 2])
    permuted = class_token_contrast(tokens[:, :, order], labels[:, order])
    torch.testing.assert_close(permuted, class_token_contrast(tokens, labels))
    # Of one present class, the absent tokens get a gradient too: they are the negatives.
    tokens.requires_grad_()
    class_token_contrast(tokens, labels).backward()
    assert tokens.grad[0].flatten(2).any(2).all() and not tokens.grad[1].any()


def test_the_contrast_is_bounded_and_0_without_a_class():
    same, labels = torch.ones(1, 2, 4, 3), torch.ones(1, 4)
    assert class_token_contrast(same, labels).item() == pytest.approx(math.log(4))
    opposite = torch.tensor([[[[1.0, 0], [-1.0, 0]]]])
    assert class_token_contrast(opposite, torch.ones(1, 2)).item() == pytest.approx(math.log1p(math.exp(-2)))
    assert class_token_contrast(same, torch.zeros(1, 4)) == 0
    assert class_token_contrast(same.bfloat16(), labels).dtype == torch.float32
    tokens = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: class_token_contrast(x, torch.tensor([[1, 0, 1]])), tokens)


def test_class_tokens_come_first_in_the_attention():
    attention = torch.arange(64.0).view(1, 8, 8)
    maps = class_attention(attention, 2, (2, 3))
    assert maps.tolist() == [[[[2, 3, 4], [5, 6, 7]], [[10, 11, 12], [13, 14, 15]]]]
    assert torch.equal(patch_attention(attention, 2, (2, 3)), attention[:, 2:, 2:])
    with pytest.raises(ValueError, match=r'`attention` must be \(\.\.\., 9, 9\) for 3 class tokens'):
        class_attention(attention, 3, (2, 3))


def test_fused_maps_are_products_with_and_without_a_root():
    maps, attention = torch.tensor([[[[4.0, -1], [9, 0]]]]), torch.tensor([[[[0.25, 1], [1, 0.5]]]])
    assert fuse_class_attention(maps, attention, root=False).tolist() == [[[[1, 0], [9, 0]]]]
    assert fuse_class_attention(maps, attention).tolist() == [[[[1, 0], [3, 0]]]]
    assert fuse_class_attention(maps.half(), attention.half()).dtype == torch.float32


def test_refinement_is_the_product_with_the_affinity():
    torch.manual_seed(0)
    maps, affinity = torch.rand(2, 3, 4, 5), torch.rand(2, 20, 20)
    expected = np.stack([one.flatten(1).numpy() @ a.numpy().T for one, a in zip(maps, affinity, strict=True)])
    np.testing.assert_allclose(refine_by_attention(maps, affinity).flatten(2), expected, rtol=1e-5)
    identity = torch.eye(20).expand(2, 20, 20)
    assert torch.equal(refine_by_attention(maps, identity), maps)
    rows = affinity / affinity.sum(2, keepdim=True)
    torch.testing.assert_close(refine_by_attention(torch.ones_like(maps), rows), torch.ones_like(maps))
    valid = torch.zeros(2, 4, 5, dtype=torch.bool)
    valid[:, :2] = True
    changed = maps.clone()
    changed[:, :, 2:] = 99
    torch.testing.assert_close(
        refine_by_attention(changed, affinity, valid), refine_by_attention(maps * valid[:, None], affinity)
    )
    with pytest.raises(ValueError, match='must agree'):
        refine_by_attention(maps, affinity[:, :19])
    with pytest.raises(ValueError, match='`affinity` must be finite'):
        refine_by_attention(maps, affinity * torch.nan)
