"""Thresholds that were chosen without masks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmwsl.utils.files import write_json


@dataclass(frozen=True)
class ThresholdChoice:
    """Thresholds of the foreground classes, and what they are based on.

    Attributes:
        classes: Names of all classes, background first.
        thresholds: Threshold of each foreground class, ``(K - 1,)``.
        spread: Quantiles 0.05 and 0.95 of each threshold over resamples of the images, ``(K - 1, 2)``.
        images: Number of images of each foreground class that were looked at, ``(K - 1,)``.
        method: Name of the rule.
        scope: ``'global'``: one threshold for all classes; ``'class'``: one for each.
        text: What the rule does and needs.
        grid: Thresholds that the rule compared, one array for each foreground class, or one for all.
        curves: Criterion of the rule at each threshold of the grid.
        notes: What to know about the choice.
    """

    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    spread: tuple[tuple[float, float], ...]
    images: tuple[int, ...]
    method: str
    scope: str
    text: str
    grid: tuple[np.ndarray, ...]
    curves: tuple[np.ndarray, ...]
    notes: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        """Return the content of the JSON file: the thresholds, and per class their spread and the criterion's curve."""
        names = self.classes[1:]
        repeat = len(names) if self.scope == 'global' else 1
        curves = [
            dict(t=_rounded(grid), value=_rounded(curve), what=f'criterion of {self.method!r}')
            for grid, curve in zip(self.grid, self.curves, strict=True)
        ] * repeat
        return dict(
            classes=list(self.classes),
            thresholds=_rounded(self.thresholds, 7),
            tuned_on=None,
            method=self.method,
            text=self.text,
            scope=self.scope,
            images=list(self.images),
            spread={name: _rounded(pair) for name, pair in zip(names, self.spread, strict=True)},
            notes=list(self.notes),
            curves=dict(zip(names, curves, strict=True)),
        )

    def write(self, path: str | Path) -> None:
        """Write a JSON file for :class:`mmwsl.inference.postprocessors.ClassThresholds`."""
        write_json(path, self.content())

    def __str__(self) -> str:
        names = ['all classes'] if self.scope == 'global' else self.classes[1:]
        counts = ', '.join(f'{count} {name}' for name, count in zip(self.classes[1:], self.images, strict=True))
        lines = [f'thresholds without masks by {self.method}: {self.text}', f'images looked at: {counts}']
        lines += [
            f'  {name}: {threshold:.4g} ({low:.4g} to {high:.4g} in 90% of the resamples)'
            for name, threshold, (low, high) in zip(names, self.thresholds, self.spread, strict=False)
        ]
        return '\n'.join([*lines, *(f'  {note}' for note in self.notes)])


def _rounded(values: Any, digits: int = 5) -> list[float | None]:
    return [round(float(value), digits) if np.isfinite(value) else None for value in values]
