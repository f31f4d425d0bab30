"""Objectness maps of images, from proposals."""

from mmcv.transforms import BaseTransform

from mmwsl.functional.objectness import min_max_normalize
from mmwsl.registry import PROPOSALS, TRANSFORMS
from mmwsl.utils.text import check_choice

from .maps import check_map_key

KINDS = ('box', 'mask')


@TRANSFORMS.register_module()
class ComputeObjectness(BaseTransform):
    """Compute the objectness of each pixel: the mean score of the proposals that cover it.

    These are the priors SP-bb (boxes) and SP-seg (masks) of Pinheiro & Collobert (CVPR 2015); see
    :mod:`mmwsl.functional.objectness`. Place it after loading and before ``Resize``, so that the map has the original
    image size.

    Required Keys:

    - img (np.uint8, BGR)
    - superpixels (optional, for RegionTree)
    - img_path (for proposals on disk)

    Added Keys:

    - ``key``, (H, W) float32 in [0, 1]

    Args:
        source: Source of the proposals: ``mmwsl.RegionTree`` (default), ``mmwsl.SelectiveSearch``,
            ``mmwsl.FolderProposals`` or ``mmwsl.COCOProposals``.
        kind: ``'box'`` or ``'mask'``.
        normalize: Whether to min-max-normalize the scores of each image, as in the paper. If not, they must be in
            [0, 1].
        key: Name of the map, 'objectness' or 'saliency'.

    Raises:
        ValueError: If ``kind`` is unknown, or ``'mask'`` for proposals with boxes only, or scores are outside [0, 1]
            without ``normalize``. The source may raise other errors.
    """

    def __init__(
        self, source: dict | None = None, kind: str = 'mask', normalize: bool = True, key: str = 'objectness'
    ) -> None:
        check_choice('kind', kind, KINDS)
        check_map_key(key)
        self.source = PROPOSALS.build(dict(type='mmwsl.RegionTree') if source is None else source)
        self.kind = kind
        self.normalize = normalize
        self.key = key

    def transform(self, results: dict) -> dict:
        """Add the map."""
        proposals = self.source(results['img'], results)
        scores = min_max_normalize(proposals.scores) if self.normalize else proposals.scores
        results[self.key] = proposals.objectness(self.kind, scores)
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(source={self.source!r}, kind={self.kind!r}, normalize={self.normalize}, '
            f'key={self.key!r})'
        )
