"""Vote of regions on the mask."""

from functools import partial

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...functional import double_threshold, region_vote
from ...registry import POSTPROCESSORS
from ...utils.sample_fields import REGIONS, SUPERPIXELS
from ...utils.text import check_choice
from .base import PostProcessor

IGNORED = 255


@POSTPROCESSORS.register_module()
class RegionVote(PostProcessor):
    """Foreground made of regions that agree with the mask; see :func:`mmwsl.functional.region_vote`.

    The mask is the argmax of the scores, or with two thresholds that of :func:`mmwsl.functional.double_threshold`. A
    pixel gets the score 1 for its class and 0 for the others. An uncertain pixel, between the thresholds, keeps its
    scores: ``tools/generate_pseudo_labels.py`` ignores it with the same thresholds.

    Args:
        field: ``'regions'``, which may overlap and leave pixels uncovered, or ``'superpixels'``.
        precision: Fraction of a region that its class must exceed.
        coverage: Fraction of a class that the region must reach otherwise; above 1, no region does.
        min_precision: Fraction of a region that its class must reach in this case; 0 is SEPL's rule.
        bg_threshold: Scores up to it are background. None is ``fg_threshold``.
        fg_threshold: Scores above it are foreground. None is the argmax over all classes.
        tuned_on: Masks that these were tuned on, if any.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        field: str = 'regions',
        precision: float = 0.5,
        coverage: float = 0.85,
        min_precision: float = 0.0,
        bg_threshold: float | None = None,
        fg_threshold: float | None = None,
        tuned_on: str | None = None,
    ) -> None:
        check_choice('field', field, ('regions', 'superpixels'))
        if fg_threshold is None and bg_threshold is not None:
            raise ValueError('`fg_threshold` must be set where `bg_threshold` is, got None.')
        self.field = field
        self.vote = partial(
            region_vote,
            precision=precision,
            coverage=coverage,
            min_precision=min_precision,
            ignore_index=IGNORED,
        )
        self.thresholds = None
        if fg_threshold is not None:
            self.thresholds = (fg_threshold if bg_threshold is None else bg_threshold, fg_threshold)
        self.tuned_on = tuned_on
        self.required_fields = {field: REGIONS if field == 'regions' else SUPERPIXELS}
        # Bad values raise an error here.
        one = torch.zeros(1, 1, dtype=torch.int64)
        self.vote(one, one)
        self._labels(torch.zeros(2, 1, 1))

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Replace ``probs (K, H, W)`` by the votes."""
        labels = self._labels(probs)
        superpixels, members = self._regions(labels, probs, data_sample)
        if superpixels.shape != probs.shape[1:]:
            raise ValueError(
                f'RegionVote: `{self.field}` must have the size of the scores {tuple(probs.shape[1:])}, got '
                f'{tuple(superpixels.shape)}. Compute them before Resize.'
            )
        members = None if members is None else members.to(probs.device)
        labels = self.vote(labels, superpixels.to(probs.device), members)
        votes = torch.zeros_like(probs).scatter_(0, labels.clamp(max=len(probs) - 1)[None], 1.0)
        return torch.where(labels == IGNORED, probs, votes)

    def _regions(self, labels: Tensor, probs: Tensor, data_sample: SegDataSample) -> tuple[Tensor, Tensor | None]:
        """Return superpixels and members, see :func:`mmwsl.functional.region_vote`."""
        regions = data_sample.get(self.field)
        if self.field == 'regions':
            return regions.superpixels, regions.members
        return regions.data[0].unique(return_inverse=True)[1], None

    def _labels(self, probs: Tensor) -> Tensor:
        """Return the mask of the scores, ``(H, W)`` int64."""
        if self.thresholds is None:
            return probs.argmax(0)
        labels = double_threshold(probs.cpu().numpy(), *self.thresholds, IGNORED)
        return torch.from_numpy(labels).to(probs.device, torch.int64)
