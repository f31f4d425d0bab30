"""Proposals from a hierarchy of regions, without a trained model."""

import numpy as np
from skimage.segmentation import felzenszwalb

from mmwsl.registry import PROPOSALS

from .base import Proposals, ProposalSource, RegionMasks
from .graph import superpixel_graph
from .grouping import group_regions
from .scoring import contrast_to_ring, score_regions

COMPUTED_SUPERPIXELS = 4000
MAX_SUPERPIXELS = 10000


@PROPOSALS.register_module()
class RegionTree(ProposalSource):
    """Proposals that are the regions of a hierarchical grouping of superpixels.

    The superpixels are ``results['superpixels']`` or, without them, computed (Felzenszwalb & Huttenlocher, IJCV 2004).
    :func:`~mmwsl.datasets.proposals.grouping.group_regions` groups them (Uijlings et al., IJCV 2013), and
    :func:`~mmwsl.datasets.proposals.scoring.score_regions` scores every region in [0, 1]. R superpixels give at most
    2R - 1 proposals. Time and memory grow with R squared: computed superpixels have at least a 4000th of the image's
    pixels, and more than 10000 given ones are an error.

    With ``objectness``, :func:`~mmwsl.datasets.proposals.scoring.contrast_to_ring` scores the regions in [-1, 1] from a
    map of the pipeline instead, such as the scores of a network that is trained on masks of other classes. Place
    ``mmwsl.LoadObjectness`` before it.

    An image of a single superpixel has no proposals.

    Args:
        scale: Felzenszwalb's scale; larger values give fewer, larger superpixels.
        sigma: Standard deviation of the smoothing in pixels.
        min_size: Minimum number of pixels of a superpixel, raised for images of more than ``4000 * min_size`` pixels.
        max_area: Regions above this fraction of the image are dropped.
        objectness: Key of the map in the results of the pipeline, ``(H, W)``; None uses no map.

    Raises:
        ValueError: If an argument is out of range, the image is not ``(H, W, 3)`` uint8, or the given superpixels
            have another size or are too many, or the map is missing or has another size.
    """

    def __init__(
        self,
        scale: float = 100.0,
        sigma: float = 0.8,
        min_size: int = 50,
        max_area: float = 0.9,
        objectness: str | None = None,
    ) -> None:
        if not scale > 0 or not sigma >= 0 or min_size < 1:
            raise ValueError(
                '`scale` must be positive, `sigma` non-negative and `min_size` at least 1, got '
                f'{scale!r}, {sigma!r} and {min_size!r}.'
            )
        if not 0 < max_area <= 1:
            raise ValueError(f'`max_area` must be in (0, 1], got {max_area!r}.')
        self.scale = scale
        self.sigma = sigma
        self.min_size = min_size
        self.max_area = max_area
        self.objectness = objectness

    def __call__(self, image: np.ndarray, results: dict) -> Proposals:
        """Return the regions of the hierarchy."""
        if self.objectness is not None and self.objectness not in results:
            raise ValueError(
                f'RegionTree: `objectness` must be a map of the pipeline, got {self.objectness!r}, which is none of '
                f'{sorted(results)}. Place mmwsl.LoadObjectness before it.'
            )
        superpixels = results.get('superpixels')
        if superpixels is None:
            # the minimum size bounds the number of superpixels
            min_size = max(self.min_size, image.shape[0] * image.shape[1] // COMPUTED_SUPERPIXELS)
            superpixels = felzenszwalb(image[..., ::-1], scale=self.scale, sigma=self.sigma, min_size=min_size)
        graph = superpixel_graph(image, superpixels)
        if len(graph.sizes) > MAX_SUPERPIXELS:
            raise ValueError(
                f'RegionTree accepts at most {MAX_SUPERPIXELS} superpixels, got {len(graph.sizes)}. '
                'Use larger ones, for instance with a larger `min_size`.'
            )
        members, boxes = group_regions(graph)
        keep = members @ graph.sizes <= self.max_area * graph.labels.size
        keep[-1] &= len(graph.sizes) > 1
        members, boxes = members[keep], boxes[keep]
        if self.objectness is None:
            scores = score_regions(graph, members)
        else:
            scores = contrast_to_ring(results[self.objectness], graph.labels, members, boxes)
        return Proposals(
            boxes.astype(np.float64),
            scores,
            graph.labels.shape,
            RegionMasks(graph.labels, members),
        )

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(scale={self.scale}, sigma={self.sigma}, min_size={self.min_size}, '
            f'max_area={self.max_area}, objectness={self.objectness!r})'
        )
