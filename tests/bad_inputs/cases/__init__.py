"""The cases, by what is wrong."""

from . import (
    arguments,
    checkpoints,
    configs,
    data,
    kept,
    options,
    outputs,
    own_images,
    projects,
    settings,
    tables,
    types,
    weights,
)

ALL = {
    'checkpoint': checkpoints.CASES,
    'weights': weights.CASES,
    'config': configs.CASES,
    'setting': settings.CASES,
    'type': types.CASES,
    'argument': arguments.CASES,
    'data': data.CASES,
    'table': tables.CASES,
    'own images': own_images.CASES,
    'project': projects.CASES,
    'output': outputs.CASES,
    'kept': kept.CASES,
    'option': options.CASES,
}
