"""Pipelines of datasets without some of their steps."""

from collections.abc import Sequence

MASK_LOADERS = ('LoadAnnotations', 'RenderShapesMask')


def without(pipeline: Sequence, types: Sequence[str]) -> list:
    """Leave out the transforms of some types, also among the branches of a test-time augmentation."""
    kept = []
    for step in pipeline:
        if isinstance(step, (list, tuple)):
            step = without(step, types)
            if not step:
                continue
        elif step['type'].split('.')[-1] in types:
            continue
        elif 'transforms' in step:
            step = dict(step, transforms=without(step['transforms'], types))
        kept.append(step)
    return kept
