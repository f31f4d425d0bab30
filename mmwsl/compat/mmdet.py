"""Bridge to MMDetection: a config names this module in ``custom_imports``.

``default_scope`` remains ``'mmseg'``, where the parts of mmwsl are found; those of MMDetection are ``type='mmdet.X'``.
"""

from mmengine.logging import print_log

from .mmcv_ops import plain_operators

INSTALL = 'Install it with: pip install "mmwsl[instances]" (in a checkout: see configs/instances/README.md)'

if (operators := plain_operators()) is not None:
    if operators.late:
        raise ImportError('MMDetection was imported before mmwsl, without operators. Import mmwsl.registry first.')
    print_log(f'NMS and RoIAlign are computed in plain torch: {operators.reason}.', 'current')

try:
    import mmdet.registry  # noqa: F401
except ImportError as error:
    raise ImportError(f'This config needs MMDetection, which could not be imported ({error}). {INSTALL}') from error
