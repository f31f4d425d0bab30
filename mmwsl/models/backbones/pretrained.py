"""Checkpoints of pretrained backbones."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from torch import Tensor


def pretrained_state_dict(init_cfg: dict | list[dict] | None) -> dict[str, Tensor] | None:
    """Read the checkpoint of ``init_cfg``, None if it has another initialization.

    Args:
        init_cfg: ``dict(type='Pretrained', checkpoint=...)``, or other initializations.

    Raises:
        ValueError: If ``init_cfg`` has a checkpoint and anything else.
    """
    configs = init_cfg if isinstance(init_cfg, list) else [init_cfg or dict(type=None)]
    if all(config['type'] != 'Pretrained' for config in configs):
        return None
    if len(configs) > 1 or not configs[0].keys() <= {'type', 'checkpoint'}:
        raise ValueError(
            "`backbone.init_cfg` must be dict(type='Pretrained', checkpoint=...) and nothing else to load a "
            f'checkpoint, got {init_cfg}.'
        )
    checkpoint = CheckpointLoader.load_checkpoint(configs[0]['checkpoint'], map_location='cpu')
    return checkpoint.get('state_dict', checkpoint)


def load_layers(network: BaseModule, ignored: Sequence[str] = ()) -> bool:
    """Load the checkpoint of a network's ``init_cfg``, if it has one; every key must fit.

    A matrix of a fully connected layer becomes the kernel of a convolution with as many values.

    Args:
        network: The network.
        ignored: Layers of the checkpoint that the network does not have.

    Returns:
        Whether there was a checkpoint.

    Raises:
        RuntimeError: If a key is missing or unexpected, or a shape differs.
        ValueError: If ``init_cfg`` has a checkpoint and anything else.
    """
    checkpoint = pretrained_state_dict(network.init_cfg)
    if checkpoint is None:
        return False
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    loaded = {}
    for key, value in checkpoint.items():
        if key.split('.')[0] in ignored:
            continue
        fits = value.ndim == 2 and key in shapes and value.numel() == shapes[key].numel()
        loaded[key] = value.reshape(shapes[key]) if fits else value
    network.load_state_dict(loaded, strict=True)
    network._is_init = True
    return True
