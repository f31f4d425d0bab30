"""Choice of the background thresholds of the classes, without masks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmwsl.apis.pseudo_labels.items import ImageItem
from mmwsl.apis.pseudo_labels.store import MIN_SCORE
from mmwsl.functional.unsupervised_thresholds import ThresholdEstimate
from mmwsl.utils.text import check_choice

from .choice import ThresholdChoice
from .rules import RULES, Rule
from .sampling import sample_images
from .statistics import Statistics, collect_statistics

SCOPES = ('global', 'class')
FIELDS = ('histograms', 'regions', 'views')
QUANTILES = (0.05, 0.95)


def choose_thresholds(
    folder: str | Path,
    items: Sequence[ImageItem],
    classes: Sequence[str],
    method: str = 'regions',
    *,
    scope: str = 'global',
    views: str | Path | None = None,
    max_images: int = 500,
    shrinkage: float = 30.0,
    resamples: int = 200,
    seed: int = 0,
    processes: int = 0,
) -> ThresholdChoice:
    r"""Choose the background threshold of each class from stored scores, without masks.

    A pixel gets its highest-scoring foreground class if its score exceeds the threshold of that class, see
    :func:`mmwsl.functional.class_thresholds`. The rules, and how far they are from the best threshold, are on the page
    "Thresholds without masks".

    With the scope ``'class'``, a class with few images stays near the global threshold: its statistic is

    .. math:: \frac{\sum_{i \in I_k} x_i^k + m \bar x}{|I_k| + m}

    with the statistic :math:`x_i^k` of class k in image i, the mean :math:`\bar x` over all images and classes, and
    the shrinkage m.

    Args:
        folder: Folder of pseudo-labels, with ``scores/NAME.npz`` of every image. The image-level labels should restrict
            the scores.
        items: The images, see :func:`mmwsl.apis.pseudo_labels.items.list_items`.
        classes: Names of all classes, background first.
        method: Name of the rule, one of :data:`.rules.RULES`.
        scope: ``'global'``: one threshold for all classes; ``'class'``: one for each.
        views: Folder with the scores of an augmented view, such as flipped images, at the original orientation.
        max_images: Maximum number of images to look at; the classes get about the same number.
        shrinkage: Number m of images that the mean over all classes counts for.
        resamples: Number of bootstrap resamples of the images for the spread.
        seed: Random seed of the sample of images and of the resamples.
        processes: Number of processes that share the images; 0 or 1 is this process.

    Raises:
        FileNotFoundError: If scores or an image are missing.
        ValueError: If an argument is out of range, there is no image with a foreground class, or the rule needs views.
    """
    check_choice('method', method, sorted(RULES))
    rule = RULES[method]
    if rule.views and views is None:
        raise ValueError(f'`views` must be a folder of scores for method={method!r}, got None. Predict a flipped view.')
    if max_images < 1:
        raise ValueError(f'`max_images` must be at least 1, got {max_images}.')
    sampled = sample_images(items, range(1, len(classes)), max_images, seed)
    if not sampled:
        raise ValueError(f'`items` must have an image with a foreground class, got {len(items)} images without one.')
    statistics = collect_statistics(
        Path(folder), sampled, len(classes), rule.regions, None if views is None else Path(views), processes
    )
    return choose_from_statistics(statistics, classes, method, scope, shrinkage, resamples, seed)


def choose_from_statistics(
    statistics: Statistics,
    classes: Sequence[str],
    method: str = 'regions',
    scope: str = 'global',
    shrinkage: float = 30.0,
    resamples: int = 200,
    seed: int = 0,
) -> ThresholdChoice:
    """Choose the thresholds from the statistics of images.

    See :func:`choose_thresholds` for the other arguments and the errors.

    Args:
        statistics: Statistics with the fields that the rule needs.
        classes: Names of all classes, background first.
        method: Name of the rule.
        scope: ``'global'`` or ``'class'``.
        shrinkage: Number of images that the mean over all classes counts for.
        resamples: Number of bootstrap resamples.
        seed: Random seed of the resamples.
    """
    check_choice('scope', scope, SCOPES)
    if not shrinkage >= 0:
        raise ValueError(f'`shrinkage` must be at least 0, got {shrinkage}.')
    if resamples < 1:
        raise ValueError(f'`resamples` must be at least 1, got {resamples}.')
    rule = RULES[method]
    count = int(statistics.images.max()) + 1
    ids = [0] if scope == 'global' else list(range(1, len(classes)))
    estimates = _estimate(rule, statistics, ids, np.ones(count), shrinkage)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    again = [[e.threshold for e in _estimate(rule, statistics, ids, draw, shrinkage)] for draw in draws]
    spread = np.quantile(np.array(again, float), QUANTILES, axis=0).T
    names = ['all classes'] if scope == 'global' else classes[1:]
    repeat = len(classes) - 1 if scope == 'global' else 1
    return ThresholdChoice(
        classes=tuple(classes),
        thresholds=tuple(e.threshold for e in estimates if e.threshold is not None) * repeat,
        spread=tuple((float(low), float(high)) for low, high in spread) * repeat,
        images=tuple(int((statistics.classes == k).sum()) for k in range(1, len(classes))),
        method=method,
        scope=scope,
        text=f'{rule.text}; besides scores and image-level labels it needs {rule.needs}',
        grid=tuple(e.grid for e in estimates),
        curves=tuple(e.curve for e in estimates),
        notes=tuple(f'{name}: {note}' for name, e in zip(names, estimates, strict=True) if (note := _note(e))),
    )


def _note(estimate: ThresholdEstimate) -> str:
    """Return the note of an estimate, with a warning where stored scores may be missing."""
    low = estimate.threshold is not None and estimate.threshold < MIN_SCORE
    warning = f'below {MIN_SCORE}, classes that stay below it may not be stored: generate the scores with min_score=0'
    return '; '.join(filter(None, [estimate.note, warning * low]))


def _estimate(
    rule: Rule, statistics: Statistics, ids: Sequence[int], draw: np.ndarray, shrinkage: float
) -> list[ThresholdEstimate]:
    """Apply a rule to the mean statistics of each class; ``draw`` is the weight of each image."""
    weights = draw[statistics.images]
    fields = {name: getattr(statistics, name) for name in FIELDS}
    sums = {}
    for k in {0, *ids}:
        rows = statistics.classes == k
        sums[k] = weights[rows].sum(), {name: weights[rows] @ field[rows] for name, field in fields.items()}
    total, overall = sums[0]
    mean = {name: field / total for name, field in overall.items()}
    estimates = []
    for k in ids:
        count, own = sums[k]
        part = mean
        if k and count + shrinkage:
            part = {name: (own[name] + shrinkage * mean[name]) / (count + shrinkage) for name in FIELDS}
        estimate = rule.estimate(part)
        if estimate.threshold is None:
            fallback = RULES['area'].estimate(part)
            note = f'no answer ({estimate.note}); the area prior was used: {RULES["area"].text}'
            estimate = replace(fallback, note=note)
        estimates.append(estimate)
    return estimates
