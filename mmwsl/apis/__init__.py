"""Python functions behind the command line."""

import mmwsl.registry  # noqa: F401  first: its error explains how to install MMSegmentation
from mmwsl.apis.checkpoint import UnsafeCheckpointError, check_checkpoint, latest_checkpoint
from mmwsl.apis.config import get_config, load_config
from mmwsl.apis.inferencer import WeakSegInferencer
from mmwsl.apis.testing import test
from mmwsl.apis.training import train

__all__ = [
    'UnsafeCheckpointError',
    'WeakSegInferencer',
    'check_checkpoint',
    'get_config',
    'latest_checkpoint',
    'load_config',
    'test',
    'train',
]
