"""Proposals from disk."""

from pathlib import PurePosixPath

import numpy as np
from mmengine import fileio

from mmwsl.annotations import COCOResults, ProposalRecord, read_proposals
from mmwsl.registry import PROPOSALS

from .base import Proposals, ProposalSource, RegionMasks, RLEMasks


def _image_name(results: dict, source: str) -> str:
    """Return the image's file name without folder and suffix."""
    if not results.get('img_path'):
        raise KeyError(f'{source} finds proposals by the name of the image: `img_path` is missing. Use image files.')
    return PurePosixPath(str(results['img_path']).replace('\\', '/')).stem


def _to_proposals(record: ProposalRecord, shape: tuple[int, int]) -> Proposals:
    if isinstance(record.masks, list):
        return Proposals(record.boxes, record.scores, shape, RLEMasks(record.masks, shape))
    return Proposals(record.boxes, record.scores, shape, record.masks and RegionMasks(*record.masks))


@PROPOSALS.register_module()
class FolderProposals(ProposalSource):
    """Proposals of image ``NAME.jpg`` from ``folder/NAME.npz``, or of MCG or BING.

    See :func:`~mmwsl.annotations.read_proposals`. Boxes are clipped to the image.

    Args:
        folder: The folder.
        suffix: Suffix that replaces the suffix of the image; its end is the format: ``.npz``, ``.mat`` or ``.txt``.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If an image has no file.
        ValueError: If a file is damaged, empty or of an image of another size; the message names it.
    """

    def __init__(self, folder: str, suffix: str = '.npz', backend_args: dict | None = None) -> None:
        self.folder = str(folder)
        self.suffix = suffix
        self.backend_args = backend_args

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Read the file of the image."""
        name, shape = _image_name(results, 'FolderProposals'), image.shape[:2]
        path = fileio.join_path(self.folder, name + self.suffix, backend_args=self.backend_args)
        try:
            return _to_proposals(read_proposals(path, shape, self.backend_args), shape)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'no proposals for image {name!r}: {path!r} does not exist. Check `folder` and `suffix`.'
            ) from error

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(folder={self.folder!r}, suffix={self.suffix!r})'


@PROPOSALS.register_module()
class COCOProposals(ProposalSource):
    """Proposals from one COCO file for all images, see :class:`mmwsl.annotations.COCOResults`.

    Args:
        ann_file: The file.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it has no proposals for an image, or the file or a proposal is invalid, or of an image of another
            size; the message says where.
    """

    def __init__(self, ann_file: str, backend_args: dict | None = None) -> None:
        self.results = COCOResults(ann_file, backend_args)

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Look up the proposals of the image."""
        shape = image.shape[:2]
        return _to_proposals(self.results.read(_image_name(results, 'COCOProposals'), shape), shape)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(ann_file={self.results.path!r})'
