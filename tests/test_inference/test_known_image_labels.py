"""Known image-level labels in the inference pipeline."""

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmwsl.inference import ClassMaps, PostProcessor
from mmwsl.registry import CLASS_MAPS

HEADS = {
    'LSEAggregationHead': dict(),
    'FCNHead': dict(
        type='FCNHead', channels=8, kernel_size=1, num_convs=1, concat_input=False, num_classes=7, _delete_=True
    ),
}


class Process(PostProcessor):
    """Post-processor that is a function of the probabilities."""

    def __init__(self, function):
        self.function = function

    def process(self, probs, data_sample):
        return self.function(probs)


def build(repository, head='LSEAggregationHead', **inference):
    init_default_scope('mmseg')
    cfg = Config.fromfile(repository / 'configs/shapes/wsl_lse_shapes.py')
    in_channels = cfg.model.decode_head.in_channels
    cfg.merge_from_dict(dict(model=dict(inference=inference, decode_head=dict(HEADS[head], in_channels=in_channels))))
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(cfg.model)).eval()


def predict(model, labels=None):
    sample = SegDataSample(metainfo=dict(ori_shape=(32, 40), img_shape=(32, 40)))
    if labels is not None:
        sample.gt_label = LabelData(score=torch.tensor(labels))
    inputs = torch.randn(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (prediction,) = model.predict(inputs, [sample])
    return prediction


KNOWN = dict(type='mmwsl.KnownImageLabels')


def test_known_labels_override_the_prediction_and_unknown_ones_do_not(repository):
    labels = [0.0, 1.0, 0.0, -1.0, -1.0, 0.0, 1.0]
    plain = predict(build(repository), labels)
    known = predict(build(repository, image_labels=KNOWN), labels)
    assert not known.pred_scores.data[[2, 5]].any() and (plain.pred_scores.data[[2, 5]] > 0.01).all()
    assert torch.equal(known.pred_scores.data[[0, 1, 3, 4, 6]], plain.pred_scores.data[[0, 1, 3, 4, 6]])
    assert known.pred_label.score[[1, 2, 5, 6]].tolist() == [1, 0, 0, 1]
    assert torch.equal(known.pred_label.score[[0, 3, 4]], plain.pred_label.score[[0, 3, 4]])
    assert torch.equal(known.seg_logits.data, plain.seg_logits.data)


def test_only_a_pipeline_that_uses_labels_reports_and_needs_them(repository):
    plain, model = build(repository), build(repository, image_labels=KNOWN)
    assert plain.pipeline.provenance == {}
    assert model.pipeline.provenance == dict(image_labels='the image-level labels of the predicted images')
    predict(plain)
    with pytest.raises(KeyError, match='needs the field `gt_label`.*PackImageLabelInputs'):
        predict(model)


def test_a_softmax_shares_the_probability_of_absent_classes_in_proportion(repository):
    """A post-processor that replaces the scores does not bring an absent class back."""
    labels = [-1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0]
    plain = predict(build(repository, 'FCNHead')).pred_scores.data
    model = build(repository, 'FCNHead', image_labels=KNOWN)
    probs = predict(model, labels).pred_scores.data
    assert not probs[[2, 5]].any()
    left = plain[[0, 1, 3, 4, 6]]
    torch.testing.assert_close(probs[[0, 1, 3, 4, 6]], left / left.sum(0))
    model.pipeline.postprocessors = [Process(lambda probs: torch.full_like(probs, 0.5))]
    probs = predict(model, labels).pred_scores.data
    assert not probs[[2, 5]].any() and (probs[[0, 1]] == 0.5).all()


def test_foreground_stays_foreground_where_the_network_predicts_an_absent_class(repository):
    labels = [-1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0]
    plain = predict(build(repository, 'FCNHead')).pred_scores.data
    kept = build(repository, 'FCNHead', image_labels=dict(KNOWN, keep_foreground=True))
    kept = predict(kept, labels).pred_scores.data
    torch.testing.assert_close(kept[0], plain[0])
    left = plain[[1, 3, 4, 6]]
    torch.testing.assert_close(kept[[1, 3, 4, 6]], left / left.sum(0) * (1 - plain[0]))
    assert not kept[[2, 5]].any()


def test_independent_classes_cannot_keep_the_foreground(repository):
    init_default_scope('mmseg')
    cfg = Config.fromfile(repository / 'configs/shapes/wsl_lse_shapes.py').model
    cfg.decode_head.background = dict(type='mmwsl.ConstantBackground', threshold=0.4)
    cfg.inference = dict(image_labels=dict(KNOWN, keep_foreground=True))
    with pytest.raises(ValueError, match='`inference.image_labels.keep_foreground`.*of LSEAggregationHead are indep'):
        MODELS.build(cfg)


def test_activation_maps_of_a_softmax_can_keep_the_foreground(repository):
    labels = [-1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0]
    maps = dict(type='mmwsl.ClassActivationMaps')
    model = build(repository, 'FCNHead', image_labels=dict(KNOWN, keep_foreground=True), class_maps=maps)
    assert not predict(model, labels).pred_scores.data[[2, 5]].any()


def test_absent_classes_take_no_part_in_post_processing(repository):
    """Class maps may ignore the restricted logits: here the absent class 2 is the highest everywhere."""
    labels = [-1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    seen = []
    model = build(repository, image_labels=KNOWN, class_maps=dict(type='OneClass', label=2))
    model.pipeline.postprocessors = [Process(lambda probs: seen.append(probs.clone()) or probs)]
    scores = predict(model, labels).pred_scores.data
    assert not seen[0][2].any() and not scores[2].any() and (scores[0] == 0.25).all()


@CLASS_MAPS.register_module()
class OneClass(ClassMaps):
    """The maps of an image with one class everywhere."""

    def __init__(self, label):
        self.label = label

    def __call__(self, segmentor, inputs, data_samples, scores):
        maps = [torch.zeros_like(score) for score in scores]
        for one in maps:
            one[0], one[self.label] = 0.25, 1.0
        return maps


def test_parts_that_need_image_level_probabilities_ask_for_a_head_that_aggregates(repository):
    prior, crf = dict(type='mmwsl.ImageLevelPrior'), dict(type='mmwsl.DenseCRF')
    for inference, name in (
        (dict(class_maps=dict(type='mmwsl.GuidedBackpropSaliency', layers=['backbone'])), 'GuidedBackpropSaliency'),
        (dict(class_maps=dict(type='mmwsl.DistinctClassSaliency', layers=['backbone'])), 'DistinctClassSaliency'),
        (dict(postprocessors=[prior]), 'ImageLevelPrior'),
        (dict(postprocessors=[dict(crf, min_image_prob=0.1)]), 'DenseCRF'),
        (dict(postprocessors=[dict(type='mmwsl.PostProcessorEnsemble', pipelines=[[], [crf, prior]])]), 'ImageLevel'),
    ):
        with pytest.raises(ValueError, match=f'{name}.* needs image-level .* head that aggregates, got FCNHead'):
            build(repository, 'FCNHead', **inference)
    build(repository, 'FCNHead', postprocessors=[crf])


def test_post_processors_are_a_list(repository):
    with pytest.raises(TypeError, match='`postprocessors` must be a list of configs'):
        build(repository, postprocessors=dict(type='mmwsl.ImageLevelPrior'))


@pytest.mark.parametrize('head', HEADS)
def test_nan_and_logits_are_never_a_mask(repository, head):
    model = build(repository, head)
    for wrong in (lambda probs: probs * torch.nan, lambda probs: probs.log()):
        model.pipeline.postprocessors = [Process(wrong)]
        with pytest.raises(ValueError, match='`pred_scores` must not be NaN or negative'):
            predict(model)
    model = build(repository, head)
    torch.nn.init.constant_(model.decode_head.conv_seg.bias, torch.nan)
    with pytest.raises(ValueError, match='`seg_logits` must not be NaN'):
        predict(model)


def test_the_predicted_image_level_probabilities_are_kept(repository):
    labels = [0.0, 1.0, 0.0, -1.0, -1.0, 0.0, 1.0]
    predicted = predict(build(repository), labels).pred_label.score
    assert torch.equal(predict(build(repository, image_labels=KNOWN), labels).pred_label.raw_score, predicted)
