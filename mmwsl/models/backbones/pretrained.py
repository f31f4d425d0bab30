"""Checkpoints of pretrained backbones."""

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
