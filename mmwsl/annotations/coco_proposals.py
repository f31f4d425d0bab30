"""Proposals in COCO's format, one file for all images."""

from collections import defaultdict
from pathlib import PurePosixPath

import numpy as np

from mmwsl.utils.text import plain, shorten

from .coco import load_coco
from .proposals import ProposalRecord, make_proposals
from .rle import rle_boxes, segmentation_runs


class COCOResults:
    """A file of scored boxes and masks, as detectors and SAM write it.

    It is a list of results ``{"image_id", "bbox", "score", "segmentation"}``, or an object with ``images`` (``id``,
    ``file_name``) and ``annotations`` that are such results. ``bbox`` is ``[x, y, width, height]``; ``segmentation``
    is a run-length encoding, compressed or not, or polygons. One of the two is optional, for all results of an image
    alike. In a list, ``image_id`` is the image's file name without suffix, or that name read as a number.

    Args:
        path: The file.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not in COCO's format, or has no results.
    """

    def __init__(self, path: str, backend_args: dict | None = None) -> None:
        self.path = str(path)
        file = load_coco(path, 'proposal file', results=True, backend_args=backend_args)
        names = {image: PurePosixPath(name.replace('\\', '/')).stem for image, name in file.images.items()}
        groups: dict[str, list[dict]] = defaultdict(list)
        for entry in file.annotations:
            groups[names.get(entry['image_id'], str(entry['image_id']))].append(entry)
        if not groups:
            raise ValueError(f'{path}: no proposals.')
        self.entries = dict(groups)

    def read(self, name: str, shape: tuple[int, int]) -> ProposalRecord:
        """Return the proposals of an image.

        Args:
            name: File name of the image without folder and suffix.
            shape: Height and width of the image.

        Raises:
            ValueError: If the file has no proposals for the image, or a proposal is invalid or of an image of another
                size.
        """
        key = name if name in self.entries or not name.isdecimal() else str(int(name))
        if key not in self.entries:
            raise ValueError(
                f'{self.path}: no proposals for image {name!r}; it has {len(self.entries)} images, among them '
                f'{shorten(sorted(self.entries)[:3])}.'
            )
        entries, source = self.entries[key], f'{self.path}: image {name!r}'
        runs = None
        if _all_have('segmentation', entries, source):
            try:
                runs = [segmentation_runs(entry['segmentation'], shape) for entry in entries]
            except ValueError as error:
                raise ValueError(f'{source}: {error}') from error
        if _all_have('bbox', entries, source):
            boxes = _array(entries, 'bbox', source)
            if boxes.shape[1:] != (4,):
                raise ValueError(f'{source}: a `bbox` must be x, y, width, height, got {shorten(entries[0]["bbox"])}.')
            with np.errstate(over='ignore'):  # not finite, which is checked below
                boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        elif runs is not None:
            boxes = rle_boxes(runs, shape)
        else:
            raise ValueError(f'{source}: the proposals have neither `bbox` nor `segmentation`.')
        if not _all_have('score', entries, source):
            raise ValueError(f'{source}: the proposals have no `score`.')
        return make_proposals(boxes, _array(entries, 'score', source), runs, shape, source)


def _all_have(key: str, entries: list[dict], source: str) -> bool:
    count = sum(key in entry for entry in entries)
    if 0 < count < len(entries):
        raise ValueError(f'{source}: {count} of {len(entries)} proposals have a `{key}`. Add it to all or none.')
    return count > 0


def _array(entries: list[dict], key: str, source: str) -> np.ndarray:
    try:
        return np.array([entry[key] for entry in entries], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f'{source}: every `{key}` must be numbers ({plain(error)}).') from error
