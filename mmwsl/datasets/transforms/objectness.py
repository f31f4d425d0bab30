"""The objectness of an image's pixels, from proposals."""

from mmcv.transforms import BaseTransform

from mmwsl.registry import PROPOSALS, TRANSFORMS

from ...functional.objectness import min_max_normalize
from .maps import check_map_key

KINDS = ('box', 'mask')


@TRANSFORMS.register_module()
class ComputeObjectness(BaseTransform):
    """Compute how sure each pixel is part of an object: the mean score of the proposals that cover it.

    The priors SP-bb (boxes) and SP-seg (masks) of Pinheiro & Collobert (CVPR 2015); see
    :mod:`mmwsl.functional.objectness`. It stands after the image is loaded and before it is resized, so that the map
    has the original image size.

    Required Keys:

    - img (np.uint8, BGR)
    - superpixels (optional, for RegionTree)
    - img_path (for proposals on disk)

    Added Keys:

    - objectness (np.float32, (H, W), in [0, 1]), or what ``key`` says

    Args:
        source (dict): Where proposals come from: ``mmwsl.RegionTree``, ``mmwsl.SelectiveSearch``,
            ``mmwsl.NpzProposals`` or ``mmwsl.COCOProposals``. Defaults to RegionTree.
        kind (str): ``'box'`` or ``'mask'``. Defaults to 'mask'.
        normalize (bool): Whether to stretch the scores of each image to [0, 1] first, as in the paper. If not, they
            must lie there. Defaults to True.
        key (str): Where to put the map. Defaults to 'objectness'.

    Raises:
        ValueError: ``kind`` is unknown, or ``'mask'`` where the proposals have boxes only; scores outside [0, 1]
            without ``normalize``; and whatever the source raises.
    """

    def __init__(
        self, source: dict | None = None, kind: str = 'mask', normalize: bool = True, key: str = 'objectness'
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f'`kind` must be one of {KINDS}, but got {kind!r}.')
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
