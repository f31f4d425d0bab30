"""Options of ``mmwsl run``."""

from dataclasses import dataclass
from typing import Any

PRESETS = dict(fast=1, best=2)
"""Number of self-training rounds of each preset."""


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes:
        masks: Folder of ground-truth masks of some images. Masks of validation images evaluate; masks of training
            images are trained on, by the classifier and by the segmentor.
        val: List of the validation images; None splits.
        backbone: Name of a backbone, or a file of its weights.
        pretrained: Whether to start from pretrained weights.
        minutes: Time for all stages; None trains as long as needed.
        epochs: Epochs of each training, instead of the derived number.
        overwrite: Whether results of other inputs, and masks that were changed by hand, are replaced.
        seed: Random seed of the split and of the trainings.
        label_options: Options of the reader of the labels.
        check_data: Whether to check images and masks; otherwise masks are used as they are.
        amp: Precision of the trainings; None is automatic. See :func:`mmwsl.apis.acceleration.accelerate`.
        preset: One of :data:`PRESETS`. A project keeps the rounds of self-training that it has.
    """

    masks: str | None = None
    val: str | None = None
    backbone: str = 'efficientnet_lite0'
    pretrained: bool = True
    minutes: float | None = None
    epochs: float | None = None
    overwrite: bool = False
    seed: int = 0
    label_options: dict[str, Any] | None = None
    check_data: bool = True
    amp: str | None = None
    preset: str = 'fast'
