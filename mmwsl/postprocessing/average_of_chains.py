"""Several chains in one step."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ..registry import POSTPROCESSORS
from .base import PostProcessor, build_chain, join_provenance, run_chain


@POSTPROCESSORS.register_module()
class AverageOfChains(PostProcessor):
    """Mean of what several chains make of the same scores.

    Where two of two disagree, the mean is near 0.5: thresholds of about 0.25 and 0.75 leave the pixel undecided, see
    :func:`mmwsl.functional.double_threshold`. IRN (Ahn et al., CVPR 2019) labels by two CRFs, one of a low and one of a
    high background.

    Args:
        chains: Configs of the chains, each a list of steps; an empty one leaves the scores as they are.

    Raises:
        ValueError: If there is no chain, or one is no list.
    """

    def __init__(self, chains: Sequence[Sequence[dict]]) -> None:
        if not chains or not all(isinstance(chain, (list, tuple)) for chain in chains):
            raise ValueError(
                '`chains` must be a list of one chain at least, each a list of steps, got '
                f'{chains!r}: put a single step into a list of its own'
            )
        self.chains = [build_chain(chain) for chain in chains]

    @property
    def provenance(self) -> dict[str, str]:
        """What supervision the steps use, by kind."""
        return join_provenance(step.provenance for chain in self.chains for step in chain)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map ``probs (K, H, W)`` by every chain, and average."""
        return torch.stack([run_chain(chain, probs, data_sample) for chain in self.chains]).mean(0)
