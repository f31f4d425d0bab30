"""Scores are written while the next images are predicted, and an error still stops the generation."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.pseudo_labels.items import ImageItem
from mmwsl.apis.pseudo_labels.scores import MAX_PENDING, WRITERS, ScoreWriter
from mmwsl.functional import quantize_scores
from mmwsl.utils.files import new_file_mode

MANY = MAX_PENDING + 3


@pytest.fixture
def writer(tmp_path):
    """A hook for some images, whose threads are busy until the event is set."""
    items = [
        ImageItem(i, f'{i}.jpg', str(i), None, (), tmp_path / f'{i}.npz', tmp_path / f'{i}.png') for i in range(MANY)
    ]
    event = threading.Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in range(WRITERS):
            pool.submit(event.wait, 60)
        yield ScoreWriter(SimpleNamespace(min_score=0.01), items, None, None, pool), event
        event.set()


def sample_of(index, scores):
    """Return a prediction as the model returns it."""
    sample = SegDataSample(metainfo=dict(img_path=f'{index}.jpg'))
    sample.pred_scores = PixelData(data=scores)
    return sample


def scores_of(index):
    return torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(index)).softmax(0)


def test_the_loop_goes_on_while_scores_wait_and_the_end_has_all(writer, tmp_path):
    hook, event = writer
    samples = [sample_of(index, scores_of(index)) for index in range(MANY)]
    hook.after_test_iter(None, 0, None, samples[:MAX_PENDING])
    assert not list(tmp_path.iterdir())
    blocked = threading.Thread(target=hook.after_test_iter, args=(None, 1, None, samples[MAX_PENDING:]))
    blocked.start()
    blocked.join(0.2)
    assert blocked.is_alive()  # no more scores are kept
    event.set()
    blocked.join(60)
    hook.after_test(None)
    for index in range(MANY):
        assert np.array_equal(read_codes(tmp_path / f'{index}.npz'), quantize_scores(scores_of(index)).numpy())
    assert len(list(tmp_path.iterdir())) == MANY


@pytest.mark.parametrize('wrong', [0, MANY - 1])
def test_an_error_names_its_image(writer, wrong):
    hook, event = writer
    event.set()
    with pytest.raises(ValueError, match=rf"^image '{wrong}\.jpg': `scores` must be in \[0, 1\]"):
        for index in range(MANY):
            hook.after_test_iter(None, index, None, [sample_of(index, scores_of(index) + 2 * (index == wrong))])
        hook.after_test(None)


def test_threads_leave_the_permissions_of_new_files_alone():
    before, interval = os.umask(0o027), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = set().union(*pool.map(lambda _: {new_file_mode() for _ in range(5000)}, range(8)))
        assert found == {0o640} and os.umask(0o027) == 0o027
    finally:
        os.umask(before)
        sys.setswitchinterval(interval)
