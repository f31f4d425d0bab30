"""Proposals from a tree of regions: no model file, masks and boxes."""

import numpy as np
from skimage.segmentation import felzenszwalb

from mmwsl.registry import PROPOSALS

from .base import Proposals, ProposalSource, RegionMasks
from .graph import superpixel_graph
from .grouping import group_regions
from .scoring import score_regions

COMPUTED_SUPERPIXELS = 4000
MAX_SUPERPIXELS = 10000


@PROPOSALS.register_module()
class RegionTree(ProposalSource):
    """Every region of a hierarchical grouping of superpixels is a proposal.

    The superpixels (``results['superpixels']`` if there, else those of Felzenszwalb & Huttenlocher, IJCV 2004) are
    grouped by :func:`~mmwsl.datasets.proposals.grouping.group_regions` (Uijlings et al., IJCV 2013); every region is
    scored by :func:`~mmwsl.datasets.proposals.scoring.score_regions`, in [0, 1]. R superpixels give at most 2R - 1
    proposals. Time and memory grow with R squared, so superpixels of our own have at least a 4000th of the image's
    pixels, and more than 10 000 from elsewhere are an error.

    An image of a single superpixel has no proposals: there is nothing in it.

    Args:
        scale (float): Felzenszwalb's scale; more gives fewer, larger superpixels. Defaults to 100.
        sigma (float): Width of the smoothing before, in pixels. Defaults to 0.8.
        min_size (int): Least number of pixels of a superpixel, raised for images of more than ``4000 * min_size``
            pixels. Defaults to 50.
        max_area (float): Regions above this fraction of the image are left out. Defaults to 0.9.

    Raises:
        ValueError: An argument is out of range; the image is not ``(H, W, 3)`` uint8; superpixels of another size
            or too many.
    """

    def __init__(self, scale: float = 100.0, sigma: float = 0.8, min_size: int = 50, max_area: float = 0.9) -> None:
        if not scale > 0 or not sigma >= 0 or min_size < 1:
            raise ValueError(
                '`scale` must be positive, `sigma` at least 0 and `min_size` at least 1, but got '
                f'{scale!r}, {sigma!r} and {min_size!r}.'
            )
        if not 0 < max_area <= 1:
            raise ValueError(f'`max_area` must lie in (0, 1], but got {max_area!r}.')
        self.scale = scale
        self.sigma = sigma
        self.min_size = min_size
        self.max_area = max_area

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Propose the regions of the tree."""
        superpixels = results.get('superpixels')
        if superpixels is None:
            # what is merged until it has this size cannot be more than this many
            min_size = max(self.min_size, image.shape[0] * image.shape[1] // COMPUTED_SUPERPIXELS)
            superpixels = felzenszwalb(image[..., ::-1], scale=self.scale, sigma=self.sigma, min_size=min_size)
        graph = superpixel_graph(image, superpixels)
        if len(graph.sizes) > MAX_SUPERPIXELS:
            raise ValueError(
                f'RegionTree takes at most {MAX_SUPERPIXELS} superpixels, but got {len(graph.sizes)}: '
                'make larger ones, for instance with more `min_size`.'
            )
        members, boxes = group_regions(graph)
        keep = members @ graph.sizes <= self.max_area * graph.labels.size
        keep[-1] &= len(graph.sizes) > 1
        members, boxes = members[keep], boxes[keep]
        return Proposals(
            boxes.astype(np.float64),
            score_regions(graph, members),
            graph.labels.shape,
            RegionMasks(graph.labels, members),
        )

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(scale={self.scale}, sigma={self.sigma}, min_size={self.min_size}, '
            f'max_area={self.max_area})'
        )
