"""Random walk by the affinities of a trained network."""

import torch
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F

from ...functional import half_disc_offsets, sparse_random_walk
from ...functional.random_walk import check_walk
from ...registry import MODELS, POSTPROCESSORS
from ...utils.sample_fields import KEEP_ORIGINAL_IMAGE
from ..affinity_network import load_affinity_network
from .base import PostProcessor


@POSTPROCESSORS.register_module()
class LearnedAffinityWalk(PostProcessor):
    r"""Random walk by the affinities of a trained network, PSA and IRN; see :func:`sparse_random_walk`.

    PSA (Ahn & Kwak, CVPR 2018): class maps whose background is :math:`(1 - \max_c M_c)^{16}`, radius 5, ``beta`` 8 and
    256 steps for all classes and the background. IRN (Ahn et al., CVPR 2019): radius 5, ``beta`` 10 and 256 steps for
    the foreground, which is multiplied by 1 minus the boundary probability before; then it is divided by its maximum
    over all classes, and ``background`` is added. Without a ``background``, all classes walk by the boundaries of IRN
    too, and are not multiplied: no background score has to be chosen.

    The affinity network is another network than the classifier. It is trained on pseudo-labels and frozen; a process
    loads it once. It sees the image at its own size, and the locations of its head are those of the walk.

    Args:
        config: Config file of the affinity network.
        checkpoint: File of its weights.
        radius: Exclusive distance of a step of the walk in locations, at least 2.
        beta: Exponent of the affinity.
        log_steps: Binary logarithm of the number of steps.
        image_size: Longer side of the image for the affinity network, in pixels; None is its own size.
        flip: Average the network's output with that of the flipped image.
        background: Config of the background model of the foreground after the walk, ``mmwsl.ConstantBackground`` or
            ``mmwsl.PowerBackground``. None: the background walks like the other classes.
        tuned_on: Masks that the hyper-parameters, or the labels of the affinity network, were tuned on, if any.

    Raises:
        FileNotFoundError: If a file does not exist.
        TypeError: If the config has no head that predicts affinities, or the background model is learned.
        ValueError: If an argument is out of range, or the checkpoint does not fit.
    """

    required_fields = dict(image=KEEP_ORIGINAL_IMAGE)

    def __init__(
        self,
        config: str,
        checkpoint: str,
        radius: int = 5,
        beta: float = 8.0,
        log_steps: int = 8,
        image_size: int | None = None,
        flip: bool = False,
        background: dict | None = None,
        tuned_on: str | None = None,
    ) -> None:
        check_walk(beta=beta, log_steps=log_steps)
        if image_size is not None and (not isinstance(image_size, int) or image_size < 1):
            raise ValueError(f'LearnedAffinityWalk: `image_size` must be a positive integer, got {image_size!r}.')
        self.radius, self.offsets = radius, half_disc_offsets(radius)
        self.beta, self.log_steps = beta, log_steps
        self.image_size, self.flip = image_size, flip
        self.tuned_on = tuned_on
        self.background = None if background is None else MODELS.build(background)
        if self.background is not None and not hasattr(self.background, 'add_background'):
            raise TypeError(
                'LearnedAffinityWalk: `background` must derive the background from the other classes, got '
                f"{type(self.background).__name__}. Use type='mmwsl.ConstantBackground' or 'mmwsl.PowerBackground'."
            )
        self.network = load_affinity_network(config, checkpoint)

    def process(self, probs: Tensor, data_sample: SegDataSample) -> Tensor:
        """Walk on ``probs (K, H, W)``."""
        network = self.network.to(probs.device)
        output = network(data_sample.image.data.to(probs.device), self.image_size, self.flip)
        affinities = network.head.affinities(output, self.radius)[0]
        confidence = network.head.confidence(output)
        present = probs.flatten(1).amax(1) > 0
        present[0] = present[0] & (self.background is None)
        walked = torch.zeros_like(probs)
        if present.any():
            scores = F.interpolate(probs[None, present], affinities.shape[1:], mode='area')[0]
            if confidence is not None and self.background is not None:
                scores = scores * confidence
            rows = sparse_random_walk(scores, affinities, self.offsets, self.beta, self.log_steps)
            walked[present] = F.interpolate(rows[None], probs.shape[1:], mode='bilinear', align_corners=False)[0]
        if self.background is None:
            return walked
        highest = walked.amax()
        return self.background.add_background(walked[1:] / highest if highest > 0 else walked[1:])
