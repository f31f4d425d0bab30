"""Length of a training: iterations, warm-up, batch and image size from the data, the device and the time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .measure import StepTime

WARMUP = 50
"""Iterations of the warm-up of the learning rate, at most a tenth of the training."""
LARGEST_BATCH = 16
CHECKPOINTS = 10
"""Checkpoints of a training: an interrupted one loses a tenth of it."""
SMALLER = (1.0, 0.75, 0.5)
"""Factors of the image size, the preferred one first."""
ENOUGH = 0.5
"""Part of the wanted iterations below which smaller images are used, with which more iterations fit into the time."""


@dataclass(frozen=True)
class Need:
    """What a training needs to converge.

    Attributes:
        epochs: Epochs on a large dataset: the schedule of the voc6 configs, whose 3131 images need 6 or 4.
        least: Iterations that are needed however few the images are.
        shortest: Iterations below which a limit of time does not shorten the training.
    """

    epochs: float
    least: int
    shortest: int

    def iterations(self, num_images: int, batch: int) -> int:
        """Return the number of iterations without a limit of time."""
        return max(self.least, round(self.epochs * num_images / batch))


CLASSIFIER = Need(epochs=6, least=200, shortest=60)
SEGMENTOR = Need(epochs=4, least=200, shortest=40)
AFFINITY = Need(epochs=1, least=200, shortest=40)


def batch_sizes(num_images: int) -> list[int]:
    """Return the batch sizes to try, the preferred one first; the others need less memory.

    The preferred one is that of the configs, or smaller for few images, so that an epoch has four iterations.
    """
    batch = max(2, min(LARGEST_BATCH, num_images // 4))
    return sorted({max(2, batch // 2**halvings) for halvings in range(4)}, reverse=True)


def image_sides(sides: Sequence[int], largest: int) -> list[int]:
    """Return the sizes in pixels that images may be scaled to, the preferred one first, all multiples of 32.

    The preferred one is the median of the longer sides of the images.

    Args:
        sides: Longer side of each image.
        largest: Size of the config, which is not exceeded.
    """
    side = max(64, min(largest, 32 * round(float(np.median(sides)) / 32)))
    smaller = {32 * round(side * factor / 32) for factor in SMALLER}
    return [side, *sorted((value for value in smaller if 128 <= value < side), reverse=True)]


@dataclass(frozen=True)
class Length:
    """Length of a training with a batch size on this machine.

    Attributes:
        need: What the training needs.
        num_images: Number of training images.
        batch: Batch size.
        time: Duration of an iteration.
    """

    need: Need
    num_images: int
    batch: int
    time: StepTime

    @property
    def first_steps(self) -> int:
        """Number of iterations whose features are not stored yet: those of each image and its mirror image."""
        return 2 * self.num_images // self.batch

    def iterations(self, epochs: float | None = None, seconds: float | None = None) -> int:
        """Return the number of iterations.

        Args:
            epochs: Number of epochs that the user set.
            seconds: Time that is left for the training. None is no limit.
        """
        if epochs is not None:
            return max(1, round(epochs * self.num_images / self.batch))
        wanted = self.need.iterations(self.num_images, self.batch)
        if seconds is None:
            return wanted
        slow = self.time.step + self.time.first
        if seconds < self.first_steps * slow:
            possible = seconds / slow
        else:
            possible = self.first_steps + (seconds - self.first_steps * slow) / self.time.step
        return max(self.need.shortest, min(wanted, int(possible)))

    def seconds(self, iterations: int) -> float:
        """Return the estimated duration of a number of iterations."""
        return iterations * self.time.step + min(iterations, self.first_steps) * self.time.first


def schedule(iterations: int) -> dict:
    """Return the settings of a config for a number of iterations: schedule, warm-up, validation, checkpoints."""
    warmup = min(WARMUP, iterations // 10)
    decay = dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=iterations)
    rise = dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=warmup)
    interval = max(1, iterations // CHECKPOINTS)
    return dict(
        train_cfg=dict(max_iters=iterations, val_interval=iterations),
        param_scheduler=[rise, decay] if warmup > 1 else [decay],
        default_hooks=dict(checkpoint=dict(interval=interval), logger=dict(interval=max(1, min(10, iterations // 20)))),
    )
