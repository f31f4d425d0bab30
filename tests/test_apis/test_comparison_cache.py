"""Stored results of a comparison: what they depend on, and damaged ones."""

import json
import os

import numpy as np
from mmengine.config import Config
from PIL import Image

from mmwsl.apis.comparison.cache import RESULT, read_result, result_key, write_result
from mmwsl.apis.supervision import Supervision


def test_a_damaged_result_is_made_anew(tmp_path):
    result = dict(mIoU=41.25, classes=dict(cat=None, dog=80.5), images=3)
    write_result(tmp_path, result)
    assert read_result(tmp_path) == result
    whole = (tmp_path / RESULT).read_text()
    changed = json.dumps(json.loads(whole) | dict(mIoU=99.0))
    for text in ('{"mIoU": 5}', '[]', '', whole[:20], changed, json.dumps(result)):
        (tmp_path / RESULT).write_text(text)
        assert read_result(tmp_path) is None
    (tmp_path / RESULT).write_text(whole)
    assert read_result(tmp_path) == result


def test_the_key_depends_on_the_content_of_masks_in_every_part(tmp_path):
    for folder in ('a', 'b'):
        for kind in ('images', 'masks'):
            path = tmp_path / folder / kind / '0.png'
            path.parent.mkdir(parents=True)
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    (tmp_path / 'weights.pth').write_bytes(b'w')
    parts = [
        dict(
            type='mmwsl.FolderWeakDataset',
            data_root=str(tmp_path / folder),
            metainfo=dict(classes=('background', 'cat')),
            data_prefix=dict(img_path='images', seg_map_path='masks'),
            img_suffix='.png',
            test_mode=True,
            pipeline=[],
        )
        for folder in ('a', 'b')
    ]
    cfg = Config(dict(test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=parts))))

    def key():
        return result_key(cfg, tmp_path / 'weights.pth', 1, Supervision('masks', 1, 1, 1.0))

    first, mask = key(), tmp_path / 'b' / 'masks' / '0.png'
    assert key() == first
    status, content = mask.stat(), bytearray(mask.read_bytes())
    content[-1] ^= 1
    mask.write_bytes(content)
    os.utime(mask, ns=(status.st_atime_ns, status.st_mtime_ns))  # as `rsync --times`
    assert mask.stat().st_size == status.st_size and key() != first
