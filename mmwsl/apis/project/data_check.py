"""Result of a check of images and labels."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmwsl.annotations import ImageLabelRecord
from mmwsl.datasets.classes import BACKGROUND
from mmwsl.report.data import Severity
from mmwsl.utils.image_files import ImageFile


class DataError(ValueError):
    """Error: the data cannot be used; the message lists what to correct."""


@dataclass
class DataCheck:
    """Result of a check.

    Attributes:
        folder: The folder of images.
        files: All image files, by name.
        records: Image-level labels of the usable images: file name to record, with names of files.
        classes: Names of the classes, background first.
        label_format: Format of the labels.
        val: Names of the listed validation images; None without a list.
        masks: Mask file of each image that has one.
        messages: Pairs of a severity, ``'info'``, ``'warning'`` or ``'error'``, and a sentence.
        notes: What is odd about an image, by name.
        overlap: Statement about validation images that are also training images, for the results.
    """

    folder: Path
    files: dict[str, ImageFile]
    records: dict[str, ImageLabelRecord]
    classes: tuple[str, ...]
    label_format: str
    val: tuple[str, ...] | None
    masks: dict[str, Path]
    messages: list[tuple[Severity, str]] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    overlap: str = ''

    @property
    def inputs(self) -> dict[str, Any]:
        """Count of the labeled images, and digests of their content and of their labels."""
        labels = {name: [record.labels, record.unknown] for name, record in self.records.items()}
        content = {name: self.files[name].digest for name in self.records}
        return dict(images=len(self.records), content=_digest(content), labels=_digest(labels))

    @property
    def errors(self) -> list[str]:
        """The messages that forbid a training."""
        return [text for severity, text in self.messages if severity == 'error']

    def require_usable(self) -> None:
        """Raise :class:`DataError` with all errors, if there are any."""
        if self.errors:
            raise DataError('\n'.join(['the data must be corrected first:', *(f'- {text}' for text in self.errors)]))

    def label_matrix(self, names: Sequence[str]) -> np.ndarray:
        """Return the presence of the foreground classes in images, ``(N, K - 1)``: 1, 0, or -1 for unknown."""
        labels = np.zeros((len(names), len(self.classes) - 1), int)
        for row, name in zip(labels, names, strict=True):
            for value, present in ((-1, self.records[name].unknown), (1, self.records[name].labels)):
                row[[self.classes.index(label) - 1 for label in present if label != BACKGROUND]] = value
        return labels


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def format_check(check: DataCheck) -> str:
    """Format a check for the terminal: images, counts and co-occurrence of the classes, sizes, messages."""
    names = list(check.records)
    labels = check.label_matrix(names) == 1
    together = labels.T.astype(int) @ labels
    lines = [f'{len(check.files)} images, {len(names)} of them with labels ({check.label_format})']
    if check.val is not None:
        lines[0] += f', {len(check.val)} to validate'
    if check.masks:
        lines[0] += f', {len(check.masks)} with masks'
    # A mask has ids, which the names of the classes get by their order.
    names_shown = [f'{k} {name}' if check.masks else name for k, name in enumerate(check.classes)]
    width = max(map(len, names_shown))
    lines.append(f'{"class":<{width}} images  together with')
    for k, name in enumerate(names_shown[1:]):
        others = sorted(((together[k, j], check.classes[j + 1]) for j in range(len(together)) if j != k), reverse=True)
        partners = ', '.join(f'{other} {count}' for count, other in others[:5] if count)
        lines.append(f'{name:<{width}} {together[k, k]:6d}  {partners}')
    lines.append(f'{"none":<{width}} {int((~labels.any(1)).sum()):6d}')
    sizes = np.array([(file.width, file.height) for file in check.files.values() if not file.error])
    if len(sizes):
        low, middle, high = (np.sort(sizes.max(1))[index] for index in (0, len(sizes) // 2, -1))
        lines.append(f'longer side: {low} to {high} pixels, median {middle}')
    lines += [f'{severity}: {text}' for severity, text in check.messages]
    return '\n'.join(lines)
