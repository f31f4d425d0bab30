"""Prediction that believes the tags of an image."""

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


def build(repository, segmentor='mmwsl.WeakEncoderDecoder', **test_cfg):
    init_default_scope('mmseg')
    cfg = Config.fromfile(repository / 'configs' / 'wsl_lse_shapes.py')
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(cfg.model, type=segmentor, test_cfg=dict(mode='whole', **test_cfg))).eval()


def predict(model, tags=None):
    sample = SegDataSample(metainfo=dict(ori_shape=(32, 40), img_shape=(32, 40)))
    if tags is not None:
        sample.gt_label = LabelData(score=torch.tensor(tags))
    inputs = torch.randn(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (prediction,) = model.predict(inputs, [sample])
    label = prediction.pred_label.score if 'pred_label' in prediction else None
    return prediction.seg_logits.data.exp(), label


def test_known_tags_replace_the_guess_and_unknown_ones_do_not(repository):
    tags = [0.0, 1.0, 0.0, -1.0, -1.0, 0.0, 1.0]
    plain, guess = predict(build(repository), tags)
    probs, label = predict(build(repository, use_image_labels=True), tags)
    assert (probs[[2, 5]] < 1e-30).all() and (plain[[2, 5]] > 0.01).all()
    assert torch.equal(probs[[0, 1, 3, 4, 6]], plain[[0, 1, 3, 4, 6]])
    assert label[[1, 2, 5, 6]].tolist() == [1, 0, 0, 1] and torch.equal(label[[0, 3, 4]], guess[[0, 3, 4]])


def test_only_a_model_that_uses_tags_says_so_and_needs_them(repository):
    plain, model = build(repository), build(repository, use_image_labels=True)
    assert plain.provenance == {} and model.provenance == dict(tags='the tags of the predicted images')
    predict(plain)
    with pytest.raises(KeyError, match='needs the field `gt_label`.*PackImageLabelInputs'):
        predict(model)


def test_a_model_trained_on_masks_believes_them_too(repository):
    """A softmax over the classes that are left; a step that replaces the scores brings none back."""
    model = build(repository, 'mmwsl.PostprocessedEncoderDecoder')
    plain, _ = predict(model)
    tagged = build(repository, 'mmwsl.PostprocessedEncoderDecoder', use_image_labels=True)
    assert model.provenance == {} and tagged.provenance == dict(tags='the tags of the predicted images')
    probs, _ = predict(tagged, [-1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0])
    assert (probs[[2, 5]] < 1e-30).all()
    left = plain[[0, 1, 3, 4, 6]]
    torch.testing.assert_close(probs[[0, 1, 3, 4, 6]], left / left.sum(0))
    tagged.postprocessors = [lambda probs, sample: torch.full_like(probs, 0.5)]
    probs, _ = predict(tagged, [-1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0])
    assert (probs[[2, 5]] < 1e-30).all() and (probs[[0, 1]] == 0.5).all()
    with pytest.raises(KeyError, match='needs the field `gt_label`.*PackImageLabelInputs'):
        predict(tagged)


def test_objects_stay_objects_where_the_network_took_them_for_another_class(repository):
    tags = [-1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0]
    segmentor = 'mmwsl.PostprocessedEncoderDecoder'
    plain, _ = predict(build(repository, segmentor))
    kept, _ = predict(build(repository, segmentor, use_image_labels=True, keep_foreground=True), tags)
    torch.testing.assert_close(kept[0], plain[0])
    left = plain[[1, 3, 4, 6]]
    torch.testing.assert_close(kept[[1, 3, 4, 6]], left / left.sum(0) * (1 - plain[0]))
    assert (kept[[2, 5]] < 1e-30).all()


def test_independent_classes_have_nothing_to_hand_over(repository):
    init_default_scope('mmseg')
    cfg = Config.fromfile(repository / 'configs' / 'wsl_lse_shapes.py').model
    cfg.decode_head.background = dict(type='mmwsl.ConstantBackground', threshold=0.4)
    cfg.test_cfg = dict(mode='whole', use_image_labels=True, keep_foreground=True)
    with pytest.raises(ValueError, match="`test_cfg.keep_foreground`.*'ConstantBackground' are independent: remove it"):
        MODELS.build(cfg)
