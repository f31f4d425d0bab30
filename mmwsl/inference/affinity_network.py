"""Trained networks that predict the affinity of neighboring locations."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.nn import functional as F

from ..registry import MODELS


class AffinityNetwork(nn.Module):
    """Frozen network with a head that predicts affinities, for one image at a time.

    Args:
        config: Config file of its training, whose ``decode_head`` predicts affinities, such as
            :class:`mmwsl.models.AffinityHead` and :class:`mmwsl.models.InterPixelRelationHead`.
        checkpoint: File of its weights.

    Raises:
        FileNotFoundError: If a file does not exist.
        TypeError: If the head does not predict affinities.
        ValueError: If the checkpoint does not fit the config.
    """

    def __init__(self, config: str, checkpoint: str) -> None:
        super().__init__()
        for name, path in (('config', config), ('checkpoint', checkpoint)):
            if not Path(path).is_file():
                raise FileNotFoundError(
                    f'LearnedAffinityWalk: `{name}` must be an existing file, got {path!r}. Train the affinity network '
                    f'with `python tools/train.py {config}`, or set `{name}`.'
                )
        cfg = Config.fromfile(config)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmseg')):
            self.network: Any = MODELS.build(cfg.model)
        self.head: Any = getattr(self.network, 'decode_head', None)
        if not hasattr(self.head, 'affinities'):
            raise TypeError(
                f'LearnedAffinityWalk: `model.decode_head` of {config} must predict affinities, got '
                f"{type(self.head).__name__}. Use type='mmwsl.AffinityHead' or 'mmwsl.InterPixelRelationHead'."
            )
        content = torch.load(checkpoint, map_location='cpu', weights_only=True)
        weights = content.get('state_dict', content) if isinstance(content, dict) else {}
        expected = self.network.state_dict()
        wrong = [
            name
            for name in sorted(weights.keys() | expected.keys())
            if getattr(weights.get(name), 'shape', None) != getattr(expected.get(name), 'shape', None)
        ]
        if wrong:
            raise ValueError(
                f'LearnedAffinityWalk: `checkpoint` must fit {config}, got {checkpoint}: {len(wrong)} of '
                f'{len(expected)} weights differ, {wrong[0]} is the first. Use the checkpoint of this config.'
            )
        self.network.load_state_dict(weights)
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, image: Tensor, size: int | None = None, flip: bool = False) -> Tensor:
        """Run the network on an image.

        Args:
            image: The image in BGR, ``(3, H, W)``, 0 to 255.
            size: Resize the longer side to this many pixels. None keeps the image.
            flip: Average the output with that for the flipped image.

        Returns:
            Output of the head, ``(1, C, h, w)``.
        """
        image = image.float()
        if size is not None:
            scale = size / max(image.shape[1:])
            shape = [max(round(side * scale), 1) for side in image.shape[1:]]
            image = F.interpolate(image[None], shape, mode='bilinear', antialias=True)[0]
        output = self._output(image)
        return (output + self.head.unflip(self._output(image.flip(2)))) / 2 if flip else output

    def _output(self, image: Tensor) -> Tensor:
        sample = SegDataSample(metainfo=dict(img_shape=tuple(image.shape[1:])))
        # The data preprocessor moves images to its own `device`, which the `to` of a module around it does not change.
        preprocessor = self.network.data_preprocessor.to(image.device)
        inputs = preprocessor(dict(inputs=[image], data_samples=[sample]), False)['inputs']
        return self.head(self.network.extract_feat(inputs))


def load_affinity_network(config: str, checkpoint: str) -> AffinityNetwork:
    """Build an affinity network once for all post-processors of a process; see :class:`AffinityNetwork`."""
    times = [os.stat(path).st_mtime_ns if os.path.exists(path) else None for path in (config, checkpoint)]
    return _load(config, checkpoint, *times)


@lru_cache(maxsize=2)
def _load(config: str, checkpoint: str, *times: int | None) -> AffinityNetwork:
    return AffinityNetwork(config, checkpoint)
