"""Stored results of evaluated runs: what they depend on, and how many are kept."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

import mmwsl
from mmwsl.apis.data_check import image_digests
from mmwsl.apis.supervision import Supervision, parts_of
from mmwsl.datasets.data_files import data_infos
from mmwsl.registry import DATASETS
from mmwsl.utils.files import digest_file, write_json
from mmwsl.utils.nested import digest_files, paths_in

RESULT = 'result.json'
NAME = re.compile('[0-9a-f]{16}')
"""Name of the folder of a result: the digest of what it depends on."""
FORMAT = 2
"""Number of the form of a result; those of another form are not read."""
MAX_RESULTS = 100
"""Results that are kept beside a checkpoint; a result has a few images and a log."""


def result_key(
    cfg: Config, checkpoint: Path, num_images: int, supervision: Supervision, check_data: bool = True
) -> str:
    """Return a digest of all that the result of an evaluation depends on.

    These are the contents of the checkpoint, of the files that the config names, and of the images, masks and files in
    folders of the test set; the config, the labels of the training set, the version of mmwsl, and whether the data were
    checked.
    """
    config = cfg.to_dict()
    files = list(test_files(cfg))
    state = list(zip(files, image_digests(files), strict=True))
    return digest(
        [
            FORMAT,
            digest_file(checkpoint),
            config,
            digest_files(config),
            state,
            num_images,
            supervision,
            mmwsl.__version__,
            check_data,
        ]
    )


def test_files(cfg: Config) -> Iterator[str]:
    """Yield the images and masks of the test set, and the files in the folders that its pipeline names."""
    for part in parts_of(cfg.test_dataloader.dataset):
        for info in data_infos(DATASETS.build(dict(part, pipeline=[]))):
            yield from (info[key] for key in ('img_path', 'seg_map_path') if os.path.isfile(info.get(key) or ''))
        for path in paths_in(part.get('pipeline'), part.get('data_root') or ''):
            yield from (str(file) for file in sorted(Path(path).rglob('*')) if file.is_file())


def read_result(folder: Path) -> dict[str, Any] | None:
    """Read a stored result and mark it as used; None if it is missing or damaged, so that it is made anew."""
    try:
        result = json.loads((folder / RESULT).read_text())
        os.utime(folder)
    except (OSError, ValueError):
        return None
    if not isinstance(result, dict) or result.pop('digest', None) != digest(result):
        return None
    return result


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Store a result, with a digest that tells whether the file is damaged."""
    write_json(folder / RESULT, result | dict(digest=digest(result)))


def remove_old_results(cache: Path) -> None:
    """Remove the least recently used results, and those of killed commands, if there are more than ``MAX_RESULTS``."""
    results = [path for path in cache.iterdir() if NAME.fullmatch(path.name)]
    for folder in sorted(results, key=lambda path: path.stat().st_mtime)[: -MAX_RESULTS or None]:
        shutil.rmtree(folder, ignore_errors=True)


def remove_content(folder: Path) -> None:
    """Remove what an evaluation that failed left in its folder."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def digest(value: object) -> str:
    """Return a short digest of a nested value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
