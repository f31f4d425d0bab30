"""Proposals from disk, one file in COCO's format for all images."""

import json
from collections import defaultdict

import numpy as np

from mmwsl.annotations.record import read_text
from mmwsl.registry import PROPOSALS

from .base import Proposals, ProposalSource, RLEMasks
from .checks import check_proposals, image_name
from .rle import mask_boxes, segmentation_runs


@PROPOSALS.register_module()
class COCOProposals(ProposalSource):
    """Read proposals from one COCO file, as detectors and SAM write them.

    Either a list of results ``{"image_id", "bbox", "score", "segmentation"}``, or an object with ``images``
    (``id``, ``file_name``) and ``annotations`` that are such results. ``bbox`` is ``[x, y, width, height]``,
    ``segmentation`` a run-length encoding, compressed or not, or polygons; one of the two may be missing, alike for
    all results of an image. In a list, ``image_id`` is the image's file name without suffix, or that name read as a
    number.

    Args:
        ann_file (str): The file.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: The file does not exist.
        KeyError: An image has no proposals in it.
        ValueError: The file or a proposal is broken, or of an image of another size; the message says where.
    """

    def __init__(self, ann_file: str, backend_args: dict | None = None) -> None:
        self.ann_file = str(ann_file)
        text = read_text(ann_file, 'proposal file', backend_args)
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f'{ann_file}: not JSON ({error}).') from error
        self.entries = self._by_image(content)

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Look the image up."""
        name = image_name(results, 'COCOProposals')
        key = name if name in self.entries or not name.isdecimal() else str(int(name))
        if key not in self.entries:
            raise KeyError(
                f'{self.ann_file}: no proposals for image {name!r}; it has {len(self.entries)} images, '
                f'among them {sorted(self.entries)[:3]}'
            )
        entries, shape, source = self.entries[key], image.shape[:2], f'{self.ann_file}: image {name!r}'
        masks = None
        if self._all_have('segmentation', entries, source):
            try:
                masks = RLEMasks([segmentation_runs(entry['segmentation'], shape) for entry in entries], shape)
            except ValueError as error:
                raise ValueError(f'{source}: {error}') from error
        if self._all_have('bbox', entries, source):
            boxes = self._array(entries, 'bbox', source)
            if boxes.shape[1:] != (4,):
                raise ValueError(f'{source}: a `bbox` must be x, y, width, height, got {entries[0]["bbox"]}.')
            boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        elif masks is not None:
            boxes = mask_boxes(masks.runs, shape)
        else:
            raise ValueError(f'{source}: the proposals have neither `bbox` nor `segmentation`.')
        if not self._all_have('score', entries, source):
            raise ValueError(f'{source}: the proposals have no `score`.')
        scores = self._array(entries, 'score', source)
        return Proposals(check_proposals(boxes, scores, shape, source), scores, shape, masks)

    def _by_image(self, content: list | dict) -> dict[str, list[dict]]:
        entries = content.get('annotations') if isinstance(content, dict) else content
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get('image_id'), int | str) for entry in entries
        ):
            raise ValueError(
                f'{self.ann_file}: expected a list of results with `image_id`, or an object with `images` '
                'and `annotations`.'
            )
        names = {}
        if isinstance(content, dict):
            try:
                names = {
                    image['id']: image_name(dict(img_path=image['file_name']), self.ann_file)
                    for image in content['images']
                }
            except (KeyError, TypeError) as error:
                raise ValueError(
                    f'{self.ann_file}: `images` must be a list of objects with `id` and `file_name`.'
                ) from error
            unknown = [entry['image_id'] for entry in entries if entry['image_id'] not in names]
            if unknown:
                raise ValueError(f'{self.ann_file}: `image_id` {unknown[0]!r} is not among `images`.')
        groups = defaultdict(list)
        for entry in entries:
            groups[names.get(entry['image_id'], str(entry['image_id']))].append(entry)
        if not groups:
            raise ValueError(f'{self.ann_file}: no proposals.')
        return dict(groups)

    @staticmethod
    def _all_have(key: str, entries: list[dict], source: str) -> bool:
        count = sum(key in entry for entry in entries)
        if 0 < count < len(entries):
            raise ValueError(f'{source}: {count} of {len(entries)} proposals have a `{key}`; give it to all or none.')
        return count > 0

    @staticmethod
    def _array(entries: list[dict], key: str, source: str) -> np.ndarray:
        try:
            return np.array([entry[key] for entry in entries], dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise ValueError(f'{source}: every `{key}` must be numbers ({error}).') from error

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(ann_file={self.ann_file!r})'
