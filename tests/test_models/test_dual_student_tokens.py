"""Two students on vision transformers: labels of pixels cross, labels of tokens do not."""

import pytest
import torch
from torch.nn import functional as F

from mmwsl.functional import patch_token_contrast
from tests.tiny_transformers import REASON, write_vision

from .test_token_contrast import batch, build

pytest.importorskip('transformers', reason=REASON)
LABELER = dict(type='mmwsl.CosineLabeler', bg_threshold=0.4, fg_threshold=0.8, final_fg_threshold=0.5, schedule_iters=4)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return dict(ViT=str(write_vision(tmp_path_factory.mktemp('models') / 'ViT', 'ViT')))


def dual(folders):
    model = build(
        folders,
        type='mmwsl.DualStudentTokenContrastSegmentor',
        warmup_iters=0,
        momentum=1.0,
        crop_contrast=None,
        labeler=LABELER,
    )
    model.second.init_weights()
    for head in (model.second.auxiliary_head, model.second.token_head):
        torch.nn.init.normal_(head.conv_seg.weight)
    return model


def test_tokens_are_contrasted_by_their_own_labels_and_pixels_labeled_by_the_other_student(folders):
    model = dual(folders)
    data = batch(model, (32, 24), (20, 24))
    students = (model, model.second)
    own, other = (student.update_teacher().label_pixels(**data) for student in students)
    for student in students:
        student.labeler.batches.zero_()
    losses = model(**data, mode='loss')
    assert (own != other).any()
    for student, labels, prefix in ((model, other, ''), (model.second, own, 'second.')):
        features = student.extract_feat(data['inputs'])
        tokens = student.label_tokens(features, **data)
        torch.testing.assert_close(losses[f'{prefix}loss_contrast'], 0.2 * patch_token_contrast(features[1], tokens))
        logits = F.interpolate(student.decode_head(features), labels.shape[1:], mode='bilinear')
        pixels = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
        expected = 0.05 * (pixels[labels == 0].mean() + pixels[(labels != 0) & (labels != 255)].mean())
        torch.testing.assert_close(losses[f'{prefix}decode.loss_noisy'], expected)
    assert not torch.equal(
        model.label_tokens(model.extract_feat(data['inputs']), **data),
        model.second.label_tokens(model.second.extract_feat(data['inputs']), **data),
    )


def test_every_trained_parameter_gets_a_gradient_and_both_thresholds_fall(folders):
    model = dual(folders)
    data = batch(model, (32, 24), (20, 24))
    for count in range(3):
        assert model.labeler.batches == model.second.labeler.batches == count
        model.zero_grad(set_to_none=True)
        losses = model(**data, mode='loss')
        model.parse_losses(losses)[0].backward()
        missing = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
        assert not missing and all(value.isfinite().all() for value in losses.values())
    assert model.labeler.thresholds[1, 0] == pytest.approx(0.8 - 0.15 * (1 + 0.5**0.5))
