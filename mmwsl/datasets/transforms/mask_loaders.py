"""Transforms that read ground-truth masks: the one rule for datasets, pseudo-labels and evaluation."""

from collections.abc import Iterable, Iterator

from mmcv.transforms import LoadAnnotations
from mmseg.datasets.transforms import LoadBiomedicalAnnotation

MASK_LOADERS = (LoadAnnotations, LoadBiomedicalAnnotation)


def opens_masks(transform: type) -> bool:
    """Return whether a class of transforms opens mask files.

    It does if it is a subclass of a class in ``MASK_LOADERS``, or has the attribute ``loads_masks = True``.
    """
    return issubclass(transform, MASK_LOADERS) or getattr(transform, 'loads_masks', False)


def all_transforms(transforms: Iterable) -> Iterator[object]:
    """Yield built transforms and those nested in them: random choices, compositions, test-time augmentation."""
    for transform in transforms:
        if isinstance(transform, list | tuple):
            yield from all_transforms(transform)
            continue
        yield transform
        for name in ('transforms', 'subroutines'):
            nested = getattr(transform, name, ())
            yield from all_transforms(nested if isinstance(nested, list | tuple) else (nested,))
