"""Pixel labels for a segmentation head, from the class maps of a classifier that is trained at the same time."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmseg.models.utils import resize
from torch import Tensor, nn

from ..functional import gaussian_mixture_threshold, normalized_maps, online_labels
from ..registry import MODELS
from ..utils.text import check_integer


@MODELS.register_module()
class OnlineLabeler(nn.Module):
    """Labels from normalized class maps and two fixed thresholds; see :func:`mmwsl.functional.online_labels`.

    No mask takes part. The default thresholds are ToCo's for VOC 2012, whose authors had masks when they chose them;
    :class:`MixtureLabeler` estimates them from the maps.

    Args:
        num_classes: Classes K, background included. :class:`mmwsl.models.MeanTeacherSegmentor` sets it.
        bg_threshold: Scores up to it are background, in [0, 1].
        fg_threshold: Scores above it are foreground, from ``bg_threshold`` to 1.
        scale: Size of the labels in relation to the images, in (0, 1]. The cost falls with its square.
        iterations: Iterations of the refinement by colors; 0 does not refine.
        ignore_index: Label of uncertain pixels and of padding.
        tuned_on: Masks that the thresholds were tuned on, by default those of the default thresholds; None if they were
            fixed in advance.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        num_classes: int,
        bg_threshold: float = 0.25,
        fg_threshold: float = 0.7,
        scale: float = 0.5,
        iterations: int = 10,
        ignore_index: int = 255,
        tuned_on: str | None = 'masks of VOC 2012, by the authors of ToCo',
    ) -> None:
        super().__init__()
        if not 0 <= bg_threshold <= fg_threshold <= 1:
            raise ValueError(
                '`bg_threshold` and `fg_threshold` must be in [0, 1], the first not above the second, got '
                f'{bg_threshold} and {fg_threshold}.'
            )
        if not 0 < scale <= 1:
            raise ValueError(f'`scale` must be in (0, 1], got {scale}.')
        check_integer('iterations', iterations, 0)
        self.scale, self.iterations, self.ignore_index, self.tuned_on = scale, iterations, ignore_index, tuned_on
        constants = torch.tensor([bg_threshold, fg_threshold])[:, None].repeat(1, num_classes - 1)
        self.register_buffer('constants', constants, persistent=False)

    constants: Tensor

    @property
    def provenance(self) -> dict[str, str]:
        """Masks that the thresholds were tuned on; they act through the trained weights."""
        return dict(tuned_on=self.tuned_on) if self.tuned_on else {}

    @property
    def thresholds(self) -> Tensor:
        """Background and foreground threshold of each class, ``(2, C)``."""
        return self.constants

    def ignored(self, inputs: Tensor) -> Tensor:
        """Return labels ``(N, h, w)`` of padded images ``(N, 3, H, W)`` that ignore every pixel."""
        size = [max(round(side * self.scale), 1) for side in inputs.shape[2:]]
        return inputs.new_full((len(inputs), *size), self.ignore_index, dtype=torch.int64)

    @torch.no_grad()
    def forward(self, maps: Tensor, inputs: Tensor, image_labels: Tensor, valid: Tensor) -> Tensor:
        """Label a batch, each image by itself.

        An image with an unknown class, or a present class without a positive score, has no certain background: its
        background is ignored.

        Args:
            maps: Scores without background, ``(N, C, ...)``; positive ones show the class.
            inputs: Padded images, ``(N, 3, H, W)``.
            image_labels: 1 (present), 0 (absent) or -1 (unknown), ``(N, K)``; channel 0 is not used.
            valid: Pixels of the labels that are inside the images, boolean ``(N, h, w)``, a rectangle each.

        Returns:
            Labels, ``(N, h, w)`` int64, of the size of :meth:`ignored`.
        """
        labels = self.ignored(inputs)
        size = labels.shape[1:]
        scores, images = (
            resize(one.float(), size=tuple(size), mode='bilinear', align_corners=False) for one in (maps, inputs)
        )
        scores = normalized_maps(scores, valid, subtract_min=True)
        present = image_labels[:, 1:] == 1
        missing = present & (scores.amax((2, 3)) == 0)
        doubtful = (missing | (image_labels[:, 1:] == -1)).any(1)
        self.observe(scores, present, valid)
        background, foreground = self.thresholds
        for index, (label, area) in enumerate(zip(labels, valid, strict=True)):
            rows, columns = area.any(1), area.any(0)
            crop = online_labels(
                scores[index][:, rows][:, :, columns],
                images[index][:, rows][:, :, columns],
                present[index],
                background,
                foreground,
                self.iterations,
                self.ignore_index,
            )
            label[area] = crop.masked_fill((crop == 0) & doubtful[index], self.ignore_index).flatten()
        return labels

    def observe(self, maps: Tensor, present: Tensor, valid: Tensor) -> None:
        """Take notice of normalized maps ``(N, C, h, w)`` before they are labeled; here nothing."""


@MODELS.register_module()
class CosineLabeler(OnlineLabeler):
    r"""Labels whose foreground threshold falls along a cosine (DuPL, Wu et al., CVPR 2024).

    .. math:: t(s) = t_0 + \frac{t_1 - t_0}{2} (1 - \cos \pi s), \qquad s = \min(n / T, 1)

    after :math:`n` labeled batches: the longer the training, the more pixels are labeled. DuPL has a final threshold
    for each class of VOC 2012, 0.55 or 0.7, of which it gives no origin, and 0.55 for all classes of COCO.

    Args:
        bg_threshold: See :class:`OnlineLabeler`.
        fg_threshold: Threshold :math:`t_0`, see :class:`OnlineLabeler`.
        final_fg_threshold: Threshold :math:`t_1`, in [``bg_threshold``, ``fg_threshold``].
        schedule_iters: Batches :math:`T` of the schedule: iterations of the training without its warm-up.
        tuned_on: See :class:`OnlineLabeler`.
        **kwargs: Passed to :class:`OnlineLabeler`.

    Raises:
        ValueError: If an argument is out of range.
    """

    batches: Tensor

    def __init__(
        self,
        num_classes: int,
        bg_threshold: float = 0.25,
        fg_threshold: float = 0.7,
        *,
        final_fg_threshold: float = 0.55,
        schedule_iters: int = 18000,
        tuned_on: str | None = 'masks of VOC 2012 and COCO, by the authors of DuPL',
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, bg_threshold, fg_threshold, tuned_on=tuned_on, **kwargs)
        check_integer('schedule_iters', schedule_iters, 1)
        if not bg_threshold <= final_fg_threshold <= fg_threshold:
            raise ValueError(
                f'`final_fg_threshold` must be in [{bg_threshold}, {fg_threshold}], between the other thresholds, got '
                f'{final_fg_threshold}.'
            )
        self.final_fg_threshold, self.schedule_iters = final_fg_threshold, schedule_iters
        self.register_buffer('batches', torch.tensor(0))

    @property
    def thresholds(self) -> Tensor:
        """Background and foreground threshold of each class for the next batch, ``(2, C)``."""
        part = (1 - (torch.pi * (self.batches / self.schedule_iters).clamp(max=1)).cos()) / 2
        background, foreground = self.constants
        return torch.stack([background, foreground + part * (self.final_fg_threshold - foreground)])

    def forward(self, maps: Tensor, inputs: Tensor, image_labels: Tensor, valid: Tensor) -> Tensor:
        """Label a batch, and count it."""
        labels = super().forward(maps, inputs, image_labels, valid)
        self.batches += 1
        return labels


@MODELS.register_module()
class MixtureLabeler(OnlineLabeler):
    """Labels whose thresholds come from three Gaussians per class (CoSA, Yang et al., ECCV 2024).

    Unlike its parent, it estimates both thresholds of each class by
    :func:`mmwsl.functional.gaussian_mixture_threshold`, from the scores of the last images that have the class, where
    it is the highest one. The fixed thresholds hold until a class was seen in ``min_images`` images, and where three
    Gaussians fit no better than one.

    CoSA keeps the scores of the last images and has one pair of thresholds for all classes; here each class has a
    histogram that forgets, of the images of all processes. The released runs of CoSA used fixed thresholds.

    Args:
        memory: Images m of a class over which its histogram forgets: n images of a batch leave
            :math:`(1 - 1 / m)^n` of it.
        interval: Batches between two estimates.
        min_images: Images of a class before its first estimate.
        min_score: Scores up to it take no part, in [0, 1): zeros would be most of a map.
        **kwargs: Passed to :class:`OnlineLabeler`.

    Raises:
        ValueError: If an argument is out of range.
    """

    BINS = 256
    histogram: Tensor
    images: Tensor
    batches: Tensor
    estimates: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        memory: int = 200,
        interval: int = 50,
        min_images: int = 20,
        min_score: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes, **kwargs)
        for name, value in dict(memory=memory, interval=interval, min_images=min_images).items():
            check_integer(name, value, 1)
        if not 0 <= min_score < 1:
            raise ValueError(f'`min_score` must be in [0, 1), got {min_score}.')
        self.memory, self.interval, self.min_images, self.min_score = memory, interval, min_images, min_score
        classes = num_classes - 1
        self.register_buffer('histogram', torch.zeros(classes, self.BINS, dtype=torch.float64))
        self.register_buffer('images', torch.zeros(classes, dtype=torch.int64))
        self.register_buffer('batches', torch.tensor(0))
        self.register_buffer('estimates', self.constants.clone())

    @property
    def thresholds(self) -> Tensor:
        """Background and foreground threshold of each class, ``(2, C)``."""
        return self.estimates

    def observe(self, maps: Tensor, present: Tensor, valid: Tensor) -> None:
        """Add the scores of a batch to the histograms, and estimate the thresholds every ``interval`` batches."""
        shown = maps.masked_fill(~present[:, :, None, None], 0)
        highest, winner = shown.max(1)
        used = valid & (highest > self.min_score)
        bins = (highest * self.BINS).long().clamp(max=self.BINS - 1)
        # the number of images of each class, then the histograms
        seen = torch.cat([present.sum(0)[:, None], torch.zeros_like(self.histogram, dtype=torch.int64)], 1)
        for index, classes in enumerate(present):
            for label in classes.nonzero()[:, 0]:
                chosen = used[index] & (winner[index] == label)
                seen[label, 1:] += bins[index][chosen].bincount(minlength=self.BINS)
        all_reduce(seen)
        self.histogram *= (1 - 1 / self.memory) ** seen[:, :1].double()
        self.histogram += seen[:, 1:]
        self.images += seen[:, 0]
        self.batches += 1
        if self.batches % self.interval == 0:
            self._estimate()

    def _estimate(self) -> None:
        centers = (torch.arange(self.BINS).numpy() + 0.5) / self.BINS
        for label in (self.images >= self.min_images).nonzero()[:, 0]:
            counts = self.histogram[label].cpu().numpy()
            estimate = gaussian_mixture_threshold(centers, counts, components=3) if counts.any() else None
            if estimate is not None and estimate.uncertain is not None:
                self.estimates[:, label] = self.estimates.new_tensor(estimate.uncertain)
