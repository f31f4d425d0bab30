"""Bridge to MMDetection: a config names this module in ``custom_imports``, and its parts as ``type='mmdet.X'``.

``default_scope`` remains ``'mmseg'``, where the parts of mmwsl are found.
"""

from .mmcv_ops import provide_operators

INSTALL = 'Install it with: pip install "mmwsl[instances]" (in a checkout: see configs/instances/README.md)'

provide_operators()  # mmdet imports mmcv.ops

try:
    import mmdet.registry  # noqa: F401
except ImportError as error:
    raise ImportError(f'This config needs MMDetection, which could not be imported ({error}). {INSTALL}') from error
