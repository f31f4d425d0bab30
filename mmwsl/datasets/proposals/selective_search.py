"""Selective search, as OpenCV's contributed modules have it."""

import cv2
import numpy as np

from mmwsl.registry import PROPOSALS

from .base import Proposals, ProposalSource

MODES = ('single', 'fast', 'quality')


@PROPOSALS.register_module()
class SelectiveSearch(ProposalSource):
    """Boxes of selective search (Uijlings et al., IJCV 2013), scored by rank.

    Needs ``opencv-contrib-python-headless`` in place of the OpenCV without it. The order of the boxes has a random
    part, so two runs differ a little; the score falls in equal steps from 1 for the first to 1 / n for the last.

    Args:
        mode (str): ``'single'`` (one grouping), ``'fast'`` or ``'quality'`` (several; slow). Defaults to 'single'.
        max_boxes (int): The first boxes to keep. Defaults to 2000.

    Raises:
        ImportError: OpenCV has no ``ximgproc``.
        ValueError: An argument is out of range.
    """

    def __init__(self, mode: str = 'single', max_boxes: int = 2000) -> None:
        if mode not in MODES:
            raise ValueError(f'`mode` must be one of {MODES}, but got {mode!r}.')
        if max_boxes < 1:
            raise ValueError(f'`max_boxes` must be at least 1, but got {max_boxes!r}.')
        if not hasattr(cv2, 'ximgproc'):
            raise ImportError(
                "SelectiveSearch needs OpenCV's contributed modules, and this OpenCV has none (cv2.ximgproc). Replace "
                'it: pip uninstall opencv-python opencv-python-headless, then pip install '
                "opencv-contrib-python-headless. Or take type='mmwsl.RegionTree', which needs nothing."
            )
        self.mode = mode
        self.max_boxes = max_boxes

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Propose boxes."""
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
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
