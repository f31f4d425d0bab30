"""Registries of mmwsl, children of mmseg's.

Configs keep ``default_scope = 'mmseg'`` and write ``type='mmwsl.X'`` for the parts registered here: the scope
prefix makes mmengine import this module, and ``locations`` import the part, so no ``custom_imports`` is needed.
"""

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

DATASETS = Registry('dataset', parent=parent.DATASETS, scope='mmwsl', locations=['mmwsl.datasets'])
TRANSFORMS = Registry('transform', parent=parent.TRANSFORMS, scope='mmwsl', locations=['mmwsl.datasets.transforms'])
MODELS = Registry('model', parent=parent.MODELS, scope='mmwsl', locations=['mmwsl.models'])
HOOKS = Registry('hook', parent=parent.HOOKS, scope='mmwsl', locations=['mmwsl.engine.hooks'])
METRICS = Registry('metric', parent=parent.METRICS, scope='mmwsl', locations=['mmwsl.evaluation'])
SCORERS = Registry('scorer', scope='mmwsl', locations=['mmwsl.inference'])
IMAGE_LABELS = Registry('image label source', scope='mmwsl', locations=['mmwsl.inference'])
CLASS_MAPS = Registry('class maps', scope='mmwsl', locations=['mmwsl.inference'])
POSTPROCESSORS = Registry('postprocessor', scope='mmwsl', locations=['mmwsl.inference'])
PROPOSALS = Registry('proposal source', scope='mmwsl', locations=['mmwsl.datasets.proposals'])
