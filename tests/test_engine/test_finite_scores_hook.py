import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.apis.testing import main
from mmwsl.apis.training import main as train
from mmwsl.engine.hooks import NonFiniteError, check_scores


def sample(field, value):
    data = torch.zeros(2, 3, 3)
    data[1, 2, 0] = value
    found = SegDataSample(metainfo=dict(img_path='a/b.png'))
    found.set_field(PixelData(data=data), field, dtype=PixelData)
    return found


@pytest.mark.parametrize('field', ['seg_logits', 'pred_scores'])
@pytest.mark.parametrize('value', [torch.nan, torch.inf])
def test_nan_and_infinity_are_rejected(field, value):
    with pytest.raises(NonFiniteError, match=rf"image 'a/b\.png': `{field}` must be finite"):
        check_scores(sample(field, value))


@pytest.mark.parametrize('value', [0.0, -1e30, 1e30, -torch.inf])
def test_finite_scores_and_excluded_classes_are_accepted(value):
    check_scores(sample('seg_logits', value))


def test_an_image_without_a_finite_score_is_rejected():
    excluded = sample('seg_logits', 0.0)
    excluded.seg_logits.data.fill_(-torch.inf)
    with pytest.raises(NonFiniteError, match='must be finite'):
        check_scores(excluded)


def test_a_test_with_scores_that_overflow_writes_no_mask(tiny_config, tmp_path):
    """MMSegmentation's own segmentor, which does not check its scores, with finite weights."""
    config, work = str(tiny_config()), tmp_path / 'work'
    train([config, '--work-dir', str(work)])
    content = torch.load(work / 'iter_4.pth', weights_only=True)
    content['state_dict']['decode_head.conv_seg.weight'].fill_(3e38)
    torch.save(content, tmp_path / 'large.pth')
    out = tmp_path / 'out'
    with pytest.raises(NonFiniteError, match=r'images/0\.png.*seg_logits'):
        main([config, str(tmp_path / 'large.pth'), '--work-dir', str(tmp_path / 'test'), '--out', str(out)]
             + ['--cfg-options', f'experiment_name={tmp_path.name}_test'])  # fmt: skip
    assert not list(out.rglob('*.png'))
