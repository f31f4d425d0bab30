"""Several pipelines in one step."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ...registry import POSTPROCESSORS
from ..provenance import join_provenance
from .base import PostProcessor, apply_postprocessors, build_postprocessors


@POSTPROCESSORS.register_module()
class PostProcessorEnsemble(PostProcessor):
    """Mean of what several pipelines make of the same scores.

    Where two of two disagree, the mean is near 0.5: thresholds of about 0.25 and 0.75 leave the pixel undecided, see
    :func:`mmwsl.functional.double_threshold`. IRN (Ahn et al., CVPR 2019) labels by two CRFs, one of a low and one of a
    high background.

    Args:
        pipelines: Configs of the pipelines, each a list of steps; an empty one leaves the scores as they are.

    Raises:
        ValueError: If there is no chain, or one is no list.
    """

    def __init__(self, pipelines: Sequence[Sequence[dict]]) -> None:
        if not pipelines or not all(isinstance(chain, (list, tuple)) for chain in pipelines):
            raise ValueError(
                '`pipelines` must be a list of one chain at least, each a list of steps, got '
                f'{pipelines!r}: put a single step into a list of its own'
            )
        self.pipelines = [build_postprocessors(chain) for chain in pipelines]

    @property
    def provenance(self) -> dict[str, str]:
        """What supervision the steps use, by kind."""
        return join_provenance(step.provenance for chain in self.pipelines for step in chain)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map ``probs (K, H, W)`` by every chain, and average."""
        return torch.stack([apply_postprocessors(chain, probs, data_sample) for chain in self.pipelines]).mean(0)
