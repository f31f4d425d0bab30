"""Agreement of two masks, and of a project's masks with those of mirrored images."""

import json

import numpy as np
import pytest

from mmwsl.apis.project.agreement import mask_agreement


def test_agreement_is_the_mean_iou_of_the_classes_of_either_mask():
    one, other = np.zeros((4, 4), int), np.zeros((4, 4), int)
    assert mask_agreement(one, other) == 1
    one[:2], other[1:3] = 2, 2
    assert mask_agreement(one, other) == pytest.approx((4 / 12 + 4 / 12) / 2)
    other[0, 0] = 5  # a class of one mask alone
    assert mask_agreement(one, other) == pytest.approx((4 / 11 + 4 / 12 + 0) / 3)


def test_the_images_of_a_project_have_an_agreement(data, finished):
    found = json.loads((finished.labels / 'agreement.json').read_text())
    assert len(found) == 12 and all(0 <= value <= 1 for value in found.values())
    mean = finished.read_summary()['labels']['agreement']
    assert mean == pytest.approx(100 * np.mean(list(found.values())), abs=0.06)
