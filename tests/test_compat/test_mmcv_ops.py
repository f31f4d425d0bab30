"""Operators of mmcv in plain torch: they stand where mmcv looks for compiled ones, only if these are missing."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

from mmwsl.compat.mmcv_ops import PlainOperators, plain_operators


def python(code, path=''):
    """Run code in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, '-c', code], env={'PYTHONPATH': path, 'PATH': ''}, capture_output=True, text=True
    )
    return run.stdout.strip().splitlines()[-1] if run.returncode == 0 else run.stderr


@pytest.fixture
def package(tmp_path, repository):
    """A folder with an mmcv whose compiled module is replaced by the text of a test."""

    def write(source):
        (tmp_path / 'mmcv').mkdir()
        (tmp_path / 'mmcv' / '__init__.py').touch()
        (tmp_path / 'mmcv' / '_ext.py').write_text(source)
        return f'{tmp_path}:{repository}'

    return write


def test_compiled_operators_are_never_replaced(package):
    code = 'from mmwsl.compat.mmcv_ops import plain_operators; plain = plain_operators(); import mmcv._ext as ext'
    assert python(f'{code}; print(plain, ext.nms)', package("nms = 'compiled'")) == 'None compiled'


def test_operators_of_another_torch_are_replaced_and_the_reason_is_kept(package):
    code = 'from mmwsl.compat.mmcv_ops import plain_operators; print(plain_operators() is plain_operators(), end=" ")'
    path = package("raise ImportError('undefined symbol: _ZN')")
    expected = 'True mmcv has no compiled operators (undefined symbol: _ZN)'
    assert python(f'{code}; print(plain_operators().reason)', path) == expected


@pytest.mark.parametrize('first', ['mmwsl.registry, mmseg.models', 'mmwsl.apis', 'mmwsl.compat.mmdet'])
def test_mmdet_uses_them_whatever_of_mmwsl_is_imported_first(repository, first):
    """MMSegmentation imports MMDetection, which keeps the operators that it finds."""
    pytest.importorskip('pycocotools')
    if not find_spec('mmdet'):
        pytest.skip('onedl-mmdetection is not installed')
    code = (
        f'import {first}, mmwsl.compat.mmdet\n'
        'from mmdet.models.dense_heads.rpn_head import batched_nms\n'
        'from mmdet.structures.mask.structures import roi_align\n'
        'from mmcv.ops import batched_nms as nms, roi_align as align, get_compiler_version\n'
        'print(get_compiler_version() and batched_nms is nms and roi_align is not None)\n'
        'assert roi_align == align'
    )
    assert python(code, str(repository)) == 'True'


def test_mmdet_that_was_imported_before_is_named(repository, ops):
    if not find_spec('mmdet') or not isinstance(sys.modules['mmcv._ext'], PlainOperators):
        pytest.skip('onedl-mmdetection is not installed, or mmcv has operators')
    assert 'Import mmwsl.registry first.' in python('import mmseg.models, mmwsl.compat.mmdet', str(repository))


def test_an_operator_that_is_missing_names_itself():
    operators = PlainOperators()
    with pytest.raises(NotImplementedError, match="^deform_conv_forward needs mmcv's compiled operators. Install an"):
        operators.deform_conv_forward(torch.zeros(1), kW=3)
    with pytest.raises(AttributeError):
        operators.__path__  # noqa: B018
    names = ('input', 'rois', 'output', 'argmax_y', 'argmax_x')
    settings = dict(aligned_height=2, aligned_width=2, spatial_scale=1.0, sampling_ratio=0, aligned=True)
    with pytest.raises(NotImplementedError, match="roi_align with pool_mode='max' needs"):
        operators.roi_align_forward(**dict.fromkeys(names, torch.zeros(1)), **settings, pool_mode=0)


@pytest.fixture
def ops():
    """``mmcv.ops``, with compiled operators where mmcv has them."""
    plain_operators()
    return pytest.importorskip('mmcv.ops')


def test_the_layer_of_mmcv_trains_through_them(ops):
    """Compared with torch's own interpolation: bins of one pixel, aligned with the pixels, are a crop."""
    torch.manual_seed(0)
    features = torch.randn(2, 3, 8, 9, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, 2, 1, 6, 5], [1, 0, 0, 4, 4]], dtype=torch.float64)
    pooled = ops.RoIAlign((4, 4), 1.0, 0)(features, rois)
    expected = torch.stack([features[0, :, 1:5, 2:6], features[1, :, :4, :4]])
    torch.testing.assert_close(pooled, expected)
    pooled.square().sum().backward()
    gradient = torch.zeros_like(features)
    gradient[0, :, 1:5, 2:6], gradient[1, :, :4, :4] = 2 * expected.detach()
    torch.testing.assert_close(features.grad, gradient)


def test_suppression_of_mmcv_is_greedy(ops):
    torch.manual_seed(0)
    boxes = torch.rand(60, 2).repeat(1, 2) * 10 + torch.tensor([0, 0, 4, 4])
    scores, groups = torch.rand(60), torch.arange(60) % 2
    for offset in (0, 1):
        kept = []
        areas = (boxes[:, 2] - boxes[:, 0] + offset) * (boxes[:, 3] - boxes[:, 1] + offset)
        for index in scores.argsort(descending=True).tolist():
            sides = [
                torch.minimum(boxes[index, 2:], boxes[other, 2:]) - torch.maximum(boxes[index, :2], boxes[other, :2])
                for other in kept
            ]
            shared = [float((side + offset).clamp(min=0).prod()) for side in sides]
            if all(s / (areas[index] + areas[other] - s) <= 0.3 for s, other in zip(shared, kept, strict=True)):
                kept.append(index)
        assert ops.nms(boxes, scores, 0.3, offset)[1].tolist() == kept
    apart = ops.batched_nms(boxes, scores, groups, dict(type='nms', iou_threshold=0.3))[1]
    both = [ops.nms(boxes[groups == g], scores[groups == g], 0.3)[1].mul(2).add(g) for g in (0, 1)]
    assert sorted(apart.tolist()) == sorted(torch.cat(both).tolist())
