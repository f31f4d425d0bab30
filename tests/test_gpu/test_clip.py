"""CLIP-ES gives the same class maps on a GPU and on a CPU."""

import pytest
import torch

from tests.tiny_transformers import write_clip

pytestmark = pytest.mark.gpu


def test_class_maps_on_the_gpu(tmp_path):
    folder = str(write_clip(tmp_path / 'clip'))
    from tests.test_models.test_clip_segmentor import build, sample_of  # where transformers is installed

    model, image = build(folder), torch.randn(1, 3, 18, 28)
    expected = model.predict(image, [sample_of((1, 0, 1), (18, 28))])[0].pred_scores.data
    found = model.cuda().predict(image.cuda(), [sample_of((1, 0, 1), (18, 28)).to('cuda')])[0].pred_scores.data
    torch.testing.assert_close(found.cpu(), expected, atol=1e-3, rtol=1e-3)
