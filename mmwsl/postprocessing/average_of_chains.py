"""Several chains in one step."""

from collections.abc import Sequence

import torch
from mmseg.structures import SegDataSample
from torch import Tensor

from ..registry import POSTPROCESSORS
from .base import PostProcessor, build_chain, join_provenance


@POSTPROCESSORS.register_module()
class AverageOfChains(PostProcessor):
    """Mean of what several chains make of the same scores.

    Where chains that favour the background and the foreground disagree, the mean is in between, and the double
    threshold of ``tools/generate_pseudo_labels.py`` leaves the pixel undecided. IRN (Ahn et al., CVPR 2019) labels so
    by a CRF of two backgrounds.

    Args:
        chains: Configs of the chains, each a list of steps; an empty one leaves the scores as they are.

    Raises:
        ValueError: If there is no chain.
    """

    def __init__(self, chains: Sequence[Sequence[dict]]) -> None:
        if not chains:
            raise ValueError('`chains` must hold one chain of steps at least, got none')
        self.chains = [build_chain(chain) for chain in chains]

    @property
    def provenance(self) -> dict[str, str]:
        """What supervision the steps use, by kind."""
        return join_provenance(step.provenance for chain in self.chains for step in chain)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Map ``probs (K, H, W)`` by every chain, and average."""
        return torch.stack([self._run(chain, probs, data_sample) for chain in self.chains]).mean(0)

    @staticmethod
    def _run(chain: list[PostProcessor], probs: Tensor, data_sample: SegDataSample) -> Tensor:
        for step in chain:
            probs = step(probs, data_sample)
        return probs
