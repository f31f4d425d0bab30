"""The cases, by what is wrong."""

from . import checkpoints, configs, data, outputs, own_images

ALL = {
    'checkpoint': checkpoints.CASES,
    'config': configs.CASES,
    'data': data.CASES,
    'own images': own_images.CASES,
    'output': outputs.CASES,
}
