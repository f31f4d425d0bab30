"""Content of a report, collected by the caller: the report reads no project and no config itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mmwsl.utils.text import check_choice

Severity = Literal['info', 'warning', 'error']
SEVERITIES = ('info', 'warning', 'error')
SPLITS = ('train', 'val', 'new')


class Check(NamedTuple):
    """Result of a check of the data; a plain pair is accepted too.

    Attributes:
        severity: One of ``SEVERITIES``.
        text: One sentence, as plain text.
    """

    severity: Severity
    text: str


class Stage(NamedTuple):
    """A finished stage of a run; a plain triple is accepted too.

    Attributes:
        name: Name of the stage.
        seconds: Duration; None if it is unknown.
        result: Where the result is, as plain text; may be empty.
    """

    name: str
    seconds: float | None
    result: str | Path = ''


@dataclass(frozen=True)
class ReportImage:
    """An image, its image-level labels and its maps.

    Attributes:
        name: Relative path that the user knows, any text. It is escaped, and never used as the name of a file.
        path: The image file. An image that cannot be read is listed with the reason.
        split: One of ``SPLITS``.
        labels: Names of the foreground classes that are present; None for an unlabeled image.
        scores: File that ``ReportData.read_scores`` reads.
        pseudo_label: Index mask, PNG, 255 ignored.
        prediction: Index mask of the segmentor.
        ground_truth: Index mask of a human.
        image_probs: Image-level probability of each class, by name.
        notes: What is odd about the image, one phrase each: "duplicate of a.jpg".
        agreement: Mean agreement of the masks of augmented views, in [0, 1].
    """

    name: str
    path: Path
    split: str = 'train'
    labels: Sequence[str] | None = ()
    scores: Path | None = None
    pseudo_label: Path | None = None
    prediction: Path | None = None
    ground_truth: Path | None = None
    image_probs: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    agreement: float | None = None


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows. A part that is empty or None is left out.

    Attributes:
        title: Name of the project.
        classes: Names of the K classes, background first.
        palette: RGB color of each class, ``(K, 3)``.
        images: The images; names are unique.
        read_scores: Function that reads ``ReportImage.scores`` as codes ``(K, H, W)`` uint8, see
            :mod:`mmwsl.functional.quantization`. Called from several threads.
        supervision: Sentence that says which labels and which masks were used. It stands beside every number.
        thresholds: Content of ``labels/thresholds.json``: ``classes``, ``thresholds`` of the K - 1 foreground classes,
            ``tuned_on``, ``method``, and optionally ``spread``, ``{class: [low, high]}`` over images, and ``curves``,
            ``{class: {'t': [...], 'value': [...], 'what': text}}``, how a measure reacts to the threshold.
        checks: Results of the checks of the data.
        class_counts: Number of images with each class: ``{split: {class: count}}``.
        co_occurrence: Number of images with both classes, ``(K - 1, K - 1)``; the diagonal counts single classes.
        curves: Values during training: ``{name: [(iteration, value), ...]}``, one chart per name.
        metrics: Numbers of the overview by name: ``{'mIoU of the segmentor on val': 52.6}``.
        metric_notes: Supervision of a metric where ``supervision`` does not apply: ``{name: sentence}``.
        class_metrics: Numbers of each class: ``{metric: {class: value}}``; a missing value is drawn as a dash.
        quality: Content of ``labels/quality.json``, result of :func:`mmwsl.apis.pseudo_labels.quality.measure_quality`.
        stages: Finished stages in their order.
        versions: Version of each package.
    """

    title: str
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    images: Sequence[ReportImage]
    read_scores: Callable[[Path], np.ndarray]
    supervision: str = ''
    thresholds: Mapping[str, Any] | None = None
    checks: Sequence[tuple[Severity, str]] = ()
    class_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    co_occurrence: np.ndarray | Sequence[Sequence[int]] | None = None
    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    metric_notes: Mapping[str, str] = field(default_factory=dict)
    class_metrics: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    quality: Mapping[str, Any] | None = None
    stages: Sequence[tuple[str, float | None, str | Path]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the parts fit each other.

        Raises:
            ValueError: If they do not.
        """
        count = len(self.classes)
        if count < 2 or np.shape(self.palette) != (count, 3):
            raise ValueError(
                f'`palette` must have one RGB color for each of the {count} `classes`, at least 2, got shape '
                f'{np.shape(self.palette)}.'
            )
        if self.co_occurrence is not None and np.shape(self.co_occurrence) != (count - 1, count - 1):
            raise ValueError(
                f'`co_occurrence` must have shape {(count - 1, count - 1)}, without the background, got '
                f'{np.shape(self.co_occurrence)}.'
            )
        if self.thresholds is not None and len(self.thresholds['thresholds']) != count - 1:
            raise ValueError(
                f'`thresholds` must have one number for each of the {count - 1} foreground classes, got '
                f'{len(self.thresholds["thresholds"])}.'
            )
        names = [image.name for image in self.images]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'`images` must have different names, got {twice!r} twice.')
        for image in self.images:
            check_choice('split', image.split, SPLITS)
        for severity, _ in self.checks:
            check_choice('severity', severity, SEVERITIES)
