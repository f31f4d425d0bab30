"""Time of a project: what the user gave, and what each stage may take of it."""

import os
import time
from collections.abc import Sequence

from .plan import SEGMENTOR, Length

CLASSIFIER_SHARE = 0.45
"""Part of the time of both trainings that the one on image-level labels gets."""
SCALES = (0.75, 1.0, 1.25)
"""Scales of an image whose scores are averaged, those of the test-time augmentation of the other configs."""
LABEL_SHARE = 0.4
"""Part of the time that the labels may take with all scales."""
SAMPLE = 500
"""Images that the thresholds are chosen on at most, as long for each as for its mask."""
MIRRORED = 200
"""Images whose mirror image is predicted at most."""


class Budget:
    """Time that the user gave for a run.

    Args:
        minutes: The time; None is no limit.
        train: Number of training images.
        val: Number of validation images.
        start: When the run started, by ``time.monotonic``; now if None.
    """

    def __init__(self, minutes: float | None, train: int, val: int, start: float | None = None) -> None:
        self.minutes, self.train, self.val = minutes, train, val
        self.start = time.monotonic() if start is None else start

    @property
    def left(self) -> float | None:
        """Seconds that are left; None without a limit, negative if the time is over."""
        return None if self.minutes is None else 60 * self.minutes - (time.monotonic() - self.start)

    @property
    def evaluation_seconds(self) -> float:
        """Estimated duration of evaluation and report: a fixed part, and a part for each image."""
        return 15 + 0.4 * self.val + 0.05 * (self.train + self.val)

    def label_seconds(self, length: Length, mask: float, scales: Sequence[float]) -> float:
        """Return the estimated duration of the labels.

        Args:
            length: The training on image-level labels, whose iterations tell the time of the scores of an image.
            mask: Seconds of the mask of an image.
            scales: Scales that each image, and its mirror image, is predicted at.
        """
        forward = (length.time.step + length.time.first) / length.batch
        scores = (2 * sum(scale**2 for scale in scales) * self.train + 2 * min(self.train, MIRRORED)) * forward
        masks = (self.train + min(self.train, SAMPLE)) * mask / (os.cpu_count() or 1)
        return 5 + scores + masks

    def scales(self, length: Length, mask: float) -> Sequence[float]:
        """Return the scales that the images are predicted at; one if the time does not suffice for more."""
        long = self.left is not None and self.label_seconds(length, mask, SCALES) > LABEL_SHARE * self.left
        return (1.0,) if long else SCALES

    def classifier_seconds(self, length: Length, mask: float) -> float | None:
        """Return the time of the training on image-level labels; see :meth:`label_seconds`."""
        if self.left is None:
            return None
        labels = self.label_seconds(length, mask, self.scales(length, mask))
        return CLASSIFIER_SHARE * (self.left - labels - self.evaluation_seconds)

    @property
    def segmentor_seconds(self) -> float | None:
        """Time of the training on pseudo-labels."""
        return None if self.left is None else self.left - self.evaluation_seconds

    def shortage(self, length: Length, iterations: int, mask: float) -> str:
        """Return a sentence if the time does not suffice for the shortest trainings and the labels, else ``''``."""
        labels = self.label_seconds(length, mask, self.scales(length, mask))
        segmentor = SEGMENTOR.shortest * (length.time.step + length.time.first)
        needed = length.seconds(iterations) + labels + segmentor + self.evaluation_seconds
        if self.left is None or needed <= self.left:
            return ''
        return (
            f'--time {self.minutes:g} will be exceeded: the shortest run takes about {needed / 60:.0f} min more, '
            f'{labels / 60:.0f} of them for the labels of {self.train} images'
        )
