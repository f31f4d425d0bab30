"""Time of a project: what the user gave, and what each stage may take of it."""

import os
import time

from .plan import SEGMENTOR, Length

CLASSIFIER_SHARE = 0.45
"""Part of the time of both trainings that the one on image-level labels gets."""
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

    def label_seconds(self, length: Length, mask: float) -> float:
        """Return the estimated duration of the labels.

        Args:
            length: The training on image-level labels, whose iterations tell the time of the scores of an image.
            mask: Seconds of the mask of an image.
        """
        forward = (length.time.step + length.time.first) / length.batch
        masks = (self.train + min(self.train, SAMPLE)) * mask / (os.cpu_count() or 1)
        return 5 + (self.train + min(self.train, MIRRORED)) * forward + masks

    def classifier_seconds(self, length: Length, mask: float) -> float | None:
        """Return the time of the training on image-level labels; see :meth:`label_seconds`."""
        if self.left is None:
            return None
        return CLASSIFIER_SHARE * (self.left - self.label_seconds(length, mask) - self.evaluation_seconds)

    @property
    def segmentor_seconds(self) -> float | None:
        """Time of the training on pseudo-labels."""
        return None if self.left is None else self.left - self.evaluation_seconds

    def shortage(self, length: Length, iterations: int, mask: float) -> str:
        """Return a sentence if the time does not suffice for the shortest trainings and the labels, else ``''``."""
        labels = self.label_seconds(length, mask)
        segmentor = SEGMENTOR.shortest * (length.time.step + length.time.first)
        needed = length.seconds(iterations) + labels + segmentor + self.evaluation_seconds
        if self.left is None or needed <= self.left:
            return ''
        return (
            f'--time {self.minutes:g} will be exceeded: the shortest run takes about {needed / 60:.0f} min more, '
            f'{labels / 60:.0f} of them for the labels of {self.train} images'
        )
