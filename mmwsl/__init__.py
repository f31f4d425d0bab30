"""mmwsl: weakly supervised semantic segmentation for OpenMMLab."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config

__version__ = '0.1.0'


def get_config(name: str) -> 'Config':
    """Read one of mmwsl's configs.

    Args:
        name: The config's name, such as ``wsl_lse_voc``, ``wsl_lse_voc.py`` or, with its folder, ``lse/wsl_lse_voc6``;
            or the path of a config file.

    Returns:
        The config of mmengine.

    Raises:
        FileNotFoundError: If there is no such config; the message lists similar names.
    """
    from mmwsl.apis import config  # imports torch and the OpenMMLab packages

    return config.get_config(name)
