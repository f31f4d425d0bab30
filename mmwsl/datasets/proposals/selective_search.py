"""Selective search from OpenCV's contributed modules."""

import cv2
import numpy as np

from mmwsl.registry import PROPOSALS
from mmwsl.utils.text import check_choice

from .base import Proposals, ProposalSource

MODES = ('single', 'fast', 'quality')


@PROPOSALS.register_module()
class SelectiveSearch(ProposalSource):
    """Boxes of selective search (Uijlings et al., IJCV 2013), scored by rank.

    It needs ``opencv-contrib-python-headless`` instead of the plain OpenCV package. The order of the boxes is partly
    random, so two runs differ slightly. The score falls in equal steps from 1 for the first box to 1 / n for the last.

    Args:
        mode: ``'single'`` (one grouping), ``'fast'`` or ``'quality'`` (several; slow).
        max_boxes: Maximum number of boxes, the first ones.

    Raises:
        ImportError: If OpenCV has no ``ximgproc``.
        ValueError: If an argument is out of range.
    """

    def __init__(self, mode: str = 'single', max_boxes: int = 2000) -> None:
        check_choice('mode', mode, MODES)
        if max_boxes < 1:
            raise ValueError(f'`max_boxes` must be at least 1, got {max_boxes!r}.')
        if not hasattr(cv2, 'ximgproc'):
            raise ImportError(
                "SelectiveSearch needs OpenCV's contributed modules, which this OpenCV lacks (cv2.ximgproc). Run: "
                'pip uninstall opencv-python opencv-python-headless; pip install opencv-contrib-python-headless; '
                "or use type='mmwsl.RegionTree'."
            )
        self.mode = mode
        self.max_boxes = max_boxes

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Return the boxes."""
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()  # type: ignore[attr-defined]  # contrib
        search.setBaseImage(image)
        switch = {
            'single': search.switchToSingleStrategy,
            'fast': search.switchToSelectiveSearchFast,
            'quality': search.switchToSelectiveSearchQuality,
        }
        switch[self.mode]()
        corners = np.asarray(search.process(), dtype=np.float64).reshape(-1, 4)[: self.max_boxes]
        boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1)
        return Proposals(boxes, 1 - np.arange(len(boxes)) / max(len(boxes), 1), image.shape[:2])

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(mode={self.mode!r}, max_boxes={self.max_boxes})'
