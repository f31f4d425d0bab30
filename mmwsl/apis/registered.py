"""Registered classes behind the parts of a config.

Parts are recognized by their class, not by its name, so that a subclass in another package is treated like its parent.
"""

from collections.abc import Callable, Sequence

from mmengine.registry import Registry
from mmseg.evaluation import IoUMetric

from mmwsl.datasets.transforms import RenderShapesMask
from mmwsl.datasets.transforms.mask_loaders import opens_masks
from mmwsl.registry import METRICS, TRANSFORMS


def registered_class(cfg: dict, registry: Registry) -> type | None:
    """Return the class that a registry builds from a config; None if it has no registered ``type``."""
    kind = cfg.get('type')
    if isinstance(kind, str):
        # Searched as when it is built: in the default scope, mmseg's if none is set, or, without a parent, in our own.
        scope = cfg.get('_scope_', None if registry.parent else registry.scope)
        with (registry.parent or registry).switch_scope_and_registry(scope) as scoped:
            kind = scoped.get(kind)
    return kind if isinstance(kind, type) else None


def is_subclass(cfg: dict, registry: Registry, cls: type | tuple[type, ...]) -> bool:
    """Return whether a registry builds an instance of ``cls`` from a config."""
    built = registered_class(cfg, registry)
    return built is not None and issubclass(built, cls)


def is_mask_loader(step: dict) -> bool:
    """Return whether a transform opens or renders ground-truth masks.

    See :func:`mmwsl.datasets.transforms.mask_loaders.opens_masks`.
    """
    built = registered_class(step, TRANSFORMS)
    return built is not None and (opens_masks(built) or issubclass(built, RenderShapesMask))


def is_mask_metric(metric: dict) -> bool:
    """Return whether a metric compares masks and can write the predicted ones, as ``IoUMetric`` does."""
    return is_subclass(metric, METRICS, IoUMetric)


def without(pipeline: Sequence, predicate: Callable[[dict], bool]) -> list:
    """Return a pipeline without the transforms that satisfy a predicate.

    Args:
        pipeline: Configs of transforms. Those nested in a transform or in the branches of test-time augmentation are
            removed as well.
        predicate: Returns whether to remove a transform, such as :func:`is_mask_loader`.
    """
    kept = []
    for step in pipeline:
        if isinstance(step, list | tuple):
            step = without(step, predicate)
            if not step:
                continue
        elif predicate(step):
            continue
        elif 'transforms' in step:
            step = dict(step, transforms=without(_nested(step), predicate))
        kept.append(step)
    return kept


def select(pipeline: Sequence, predicate: Callable[[dict], bool]) -> list[dict]:
    """Return the transforms of a pipeline that satisfy a predicate, also nested ones; see :func:`without`."""
    found = []
    for step in pipeline:
        if isinstance(step, list | tuple):
            found += select(step, predicate)
        elif predicate(step):
            found.append(step)
        elif 'transforms' in step:
            found += select(_nested(step), predicate)
    return found


def _nested(step: dict) -> Sequence:
    """Return the transforms within a transform, which takes one or several."""
    nested = step['transforms']
    return [nested] if isinstance(nested, dict) else nested
