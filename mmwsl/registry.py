"""Registries of mmwsl, children of mmseg's.

Configs keep ``default_scope = 'mmseg'`` and write ``type='mmwsl.X'`` for the parts registered here. The scope prefix
makes mmengine import this module, and ``locations`` the part: no ``custom_imports`` is needed.
"""

from importlib.util import find_spec
from typing import Any

from mmwsl.compat.mmcv_ops import plain_operators

INSTALL = 'Install it with: pip install "mmwsl[mm]" (in a checkout: pip install -e ".[mm]" -c constraints.txt)'

try:
    import mmseg
    from mmengine.registry import Registry
    from mmengine.utils import digit_version
    from mmseg import registry as parent
except ImportError as error:
    raise ImportError(
        f'mmwsl needs MMSegmentation 1.2.0 or newer, which could not be imported ({error}). {INSTALL}'
    ) from error

# Compared here and not left to pip: the package is an extra, and two distributions provide it.
if digit_version(mmseg.__version__) < digit_version('1.2.0'):
    raise ImportError(
        f'mmwsl needs MMSegmentation 1.2.0 or newer, but mmseg {mmseg.__version__} is installed. {INSTALL}'
    )

# Before mmseg's models: where MMDetection is installed they import it, and it keeps the operators that mmcv has then.
if find_spec('mmdet'):
    plain_operators()

DATASETS = Registry('dataset', parent=parent.DATASETS, scope='mmwsl', locations=['mmwsl.datasets'])
DATA_SAMPLERS = Registry('data sampler', parent=parent.DATA_SAMPLERS, scope='mmwsl', locations=['mmwsl.datasets'])
TRANSFORMS = Registry('transform', parent=parent.TRANSFORMS, scope='mmwsl', locations=['mmwsl.datasets.transforms'])
MODELS = Registry('model', parent=parent.MODELS, scope='mmwsl', locations=['mmwsl.models'])
HOOKS = Registry('hook', parent=parent.HOOKS, scope='mmwsl', locations=['mmwsl.engine.hooks'])
OPTIM_WRAPPERS = Registry(
    'optimizer wrapper', parent=parent.OPTIM_WRAPPERS, scope='mmwsl', locations=['mmwsl.engine.bfloat16']
)
METRICS = Registry('metric', parent=parent.METRICS, scope='mmwsl', locations=['mmwsl.evaluation'])


class _StandaloneRegistry(Registry):
    """Registry of parts that mmseg does not have.

    Without a parent, mmengine searches it for the default scope of the config, ``'mmseg'``, and logs a warning for
    each kind of part. Building in our own scope avoids it.
    """

    def build(self, cfg: dict, *args: Any, **kwargs: Any) -> Any:
        """Build a part from its config.

        Raises:
            TypeError: If the config is not a dict.
        """
        if not isinstance(cfg, dict):
            raise TypeError(f"The config of the {self.name} must be a dict such as dict(type='mmwsl...'), got {cfg!r}.")
        return super().build({'_scope_': 'mmwsl', **cfg}, *args, **kwargs)


SCORERS = _StandaloneRegistry('scorer', scope='mmwsl', locations=['mmwsl.inference'])
IMAGE_LABELS = _StandaloneRegistry('image label source', scope='mmwsl', locations=['mmwsl.inference'])
CLASS_MAPS = _StandaloneRegistry('class maps', scope='mmwsl', locations=['mmwsl.inference'])
POSTPROCESSORS = _StandaloneRegistry('postprocessor', scope='mmwsl', locations=['mmwsl.inference'])
PROPOSALS = _StandaloneRegistry('proposal source', scope='mmwsl', locations=['mmwsl.datasets.proposals'])
