"""Time of a project: what the user gave, and what each stage may take of it."""

import time
from collections.abc import Sequence

from mmwsl.utils.cores import available_cores

from .plan import AFFINITY, SEGMENTOR, Length

CLASSIFIER_FRACTION = 0.45
"""Time of the training on image-level labels, of its sum with the time of the training of one segmentor."""
AFFINITY_FRACTION = 0.2
"""Time of the training of the affinity network, of that of the training of one segmentor."""
SCALES = (0.75, 1.0, 1.25)
"""Scales of an image whose scores are averaged, as in the test-time augmentation of the other configs."""
LABEL_FRACTION = 0.4
"""Fraction of the time that the labels may take with all scales."""
SAMPLE = 500
"""Maximum number of images that the thresholds are chosen on; each takes about the time of its mask."""
MIRRORED = 200
"""Maximum number of images that are predicted again with their mirror image."""
VALIDATED = 300
"""Maximum number of validation images whose scores are predicted for the report."""


class Budget:
    """Time that the user gave for a run.

    Args:
        minutes: The time; None is no limit.
        train: Number of training images.
        val: Number of validation images.
        val_masks: Number of validation images with masks.
        spent: Seconds of the stages that earlier runs finished.
        views: Scales at which the images are predicted for their labels, in each self-training round.
        affinity: Whether the labels of the first round are refined by an affinity network.

    Attributes:
        forward: Seconds that the network takes for the scores of an image, and
        mask: seconds that a CPU core takes for its mask: typical values until they are measured.
    """

    def __init__(
        self,
        minutes: float | None,
        train: int,
        val: int,
        val_masks: int = 0,
        spent: float = 0.0,
        views: Sequence[Sequence[float]] = (SCALES,),
        affinity: bool = False,
    ) -> None:
        self.minutes, self.train, self.val, self.val_masks = minutes, train, val, val_masks
        self.start = time.monotonic() - spent
        self.views, self.affinity = views, affinity
        self.forward, self.mask = 0.1, 0.5

    @property
    def left(self) -> float | None:
        """Seconds that are left; None without a limit, negative if the time is over."""
        return None if self.minutes is None else 60 * self.minutes - (time.monotonic() - self.start)

    def scales(self, round: int = 1) -> Sequence[float]:
        """Return the scales at which the images are predicted in a round, seen from its beginning.

        It is one scale if the time does not suffice for all scales of this round and of the later ones.
        """
        return next(iter(self._scales(round)))

    def _scales(self, round: int) -> list[Sequence[float]]:
        """Return the scales of a round and of the later ones."""
        views = [*self.views[round - 1 :]]
        long = self.left is not None and sum(map(self.label_seconds, views)) > LABEL_FRACTION * self.left
        return [(1.0,)] * len(views) if long else views

    def labels_seconds(self, round: int = 1) -> float:
        """Return the estimated duration of the labels of a round and of the later ones; 0 after the last one."""
        return sum(map(self.label_seconds, self._scales(round)))

    def label_seconds(self, scales: Sequence[float]) -> float:
        """Return the estimated duration of the labels with the images, and their mirror images, at some scales."""
        scores = self._views(scales) * self.train + 2 * min(self.train, MIRRORED)
        masks = self.train + min(self.train, SAMPLE)
        return 5 + scores * self.forward + masks * self.mask / available_cores()

    @property
    def evaluation_seconds(self) -> float:
        """Estimated duration of evaluation and report."""
        predictions = self.val + self._views(self.scales(len(self.views))) * min(self.val_masks, VALIDATED)
        crf = self.mask / 2  # a mask of the labels has two
        return 10 + predictions * self.forward + self.val * crf + 0.05 * (self.train + self.val)

    @property
    def classifier_seconds(self) -> float | None:
        """Time of the training on image-level labels."""
        if self.left is None:
            return None
        segmentors = (1 - CLASSIFIER_FRACTION) * (len(self.views) + self.affinity * AFFINITY_FRACTION)
        trainings = self.left - self.labels_seconds() - self.walk_seconds - self.evaluation_seconds
        return CLASSIFIER_FRACTION / (CLASSIFIER_FRACTION + segmentors) * trainings

    @property
    def affinity_seconds(self) -> float | None:
        """Time of the training of the affinity network."""
        if self.left is None:
            return None
        trainings = self.left - self.walk_seconds - self.labels_seconds(2) - self.evaluation_seconds
        return AFFINITY_FRACTION / (AFFINITY_FRACTION + len(self.views)) * trainings

    @property
    def walk_seconds(self) -> float:
        """Estimated duration of the masks after the walk, for which the walk counts as much as all other steps."""
        return self.affinity * 2 * self.train * self.mask / available_cores()

    def segmentor_seconds(self, round: int = 1) -> float | None:
        """Return the time of the training on the pseudo-labels of a round, the same for each later round."""
        if self.left is None:
            return None
        trainings = len(self.views) - round + 1
        return (self.left - self.labels_seconds(round + 1) - self.evaluation_seconds) / trainings

    def shortage(self, length: Length, iterations: int) -> str:
        """Return a sentence if the time does not suffice for the shortest run, else ``''``.

        Args:
            length: The training on image-level labels.
            iterations: Its number of iterations.
        """
        labels = self.labels_seconds()
        later = len(self.views) * SEGMENTOR.shortest + self.affinity * AFFINITY.shortest
        trainings = length.seconds(iterations) + later * (length.time.step + length.time.first)
        needed = trainings + labels + self.walk_seconds + self.evaluation_seconds
        if self.left is None or needed <= self.left:
            return ''
        return (
            f'--time {self.minutes:g} will be exceeded: the shortest run takes about {needed / 60:.1f} min more, '
            f'{labels / 60:.1f} of them for the labels of {self.train} images'
        )

    @staticmethod
    def _views(scales: Sequence[float]) -> float:
        """Return how often an image and its mirror image are predicted, in images of the usual size."""
        return 2 * sum(scale**2 for scale in scales)
