"""Registries of mmwsl, children of mmseg's.

Configs keep ``default_scope = 'mmseg'`` and write ``type='mmwsl.X'`` for the parts registered here: the scope
prefix makes mmengine import this module, and ``locations`` import the part, so no ``custom_imports`` is needed.
"""

try:
    from mmseg import registry as mmseg
except ImportError as error:
    raise ImportError(
        'mmwsl needs MMSegmentation, which could not be imported '
        f'({error}). Install it with: pip install "mmwsl[mm]"') from error
from mmengine.registry import Registry

DATASETS = Registry('dataset', parent=mmseg.DATASETS, scope='mmwsl', locations=['mmwsl.datasets'])
TRANSFORMS = Registry('transform', parent=mmseg.TRANSFORMS, scope='mmwsl', locations=['mmwsl.datasets.transforms'])
MODELS = Registry('model', parent=mmseg.MODELS, scope='mmwsl', locations=['mmwsl.models'])
HOOKS = Registry('hook', parent=mmseg.HOOKS, scope='mmwsl', locations=['mmwsl.engine.hooks'])
METRICS = Registry('metric', parent=mmseg.METRICS, scope='mmwsl', locations=['mmwsl.evaluation'])
POSTPROCESSORS = Registry('postprocessor', scope='mmwsl', locations=['mmwsl.postprocessing'])
