"""Regions of images, from proposals."""

from mmcv.transforms import BaseTransform

from mmwsl.registry import PROPOSALS, TRANSFORMS


@TRANSFORMS.register_module()
class ComputeRegions(BaseTransform):
    """Store the masks of the proposals of an image as regions, for :class:`mmwsl.inference.RegionVote`.

    Place it after loading and before ``Resize``, so that the regions have the original image size.

    Required Keys:

    - img (np.uint8, BGR)
    - superpixels (optional, for RegionTree)
    - img_path (for proposals on disk)

    Added Keys:

    - regions, a :class:`mmwsl.datasets.proposals.RegionMasks`

    Args:
        source: Source of the proposals: ``mmwsl.RegionTree`` (default), ``mmwsl.FolderProposals`` or
            ``mmwsl.COCOProposals``, for example of the masks of SAM.

    Raises:
        ValueError: If the proposals of an image have boxes only. The source may raise other errors.
    """

    def __init__(self, source: dict | None = None) -> None:
        self.source = PROPOSALS.build(dict(type='mmwsl.RegionTree') if source is None else source)

    def transform(self, results: dict) -> dict:
        """Add the regions."""
        results['regions'] = self.source(results['img'], results).regions()
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(source={self.source!r})'


@TRANSFORMS.register_module()
class PartitionByProposals(BaseTransform):
    """Store the masks of proposals as superpixels: each pixel belongs to the largest mask that covers it.

    Pixels in no mask have the id -1. :class:`mmwsl.inference.SuperpixelVote` leaves them as they are,
    :class:`mmwsl.models.RegionAttentionBackbone` treats them as unsegmented; for other steps they are one superpixel.
    CorrCLIP (Zhang et al., ICCV 2025) has the same order for the masks of SAM.

    Place it after loading and before ``Resize``, so that the superpixels have the original image size.

    Required Keys:

    - img (np.uint8, BGR)
    - img_path (for proposals on disk)

    Added Keys:

    - superpixels, (H, W) int64

    Args:
        source: Source of the proposals: ``mmwsl.FolderProposals`` or ``mmwsl.COCOProposals``, for example of the masks
            of SAM.

    Raises:
        ValueError: If the proposals of an image have boxes only. The source may raise other errors.
    """

    def __init__(self, source: dict) -> None:
        self.source = PROPOSALS.build(source)

    def transform(self, results: dict) -> dict:
        """Add the superpixels."""
        results['superpixels'] = self.source(results['img'], results).regions().partition()
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(source={self.source!r})'
