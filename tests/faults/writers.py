"""Commands that end soon: each writes files of another kind, from inputs that the other cases have made."""

import importlib.util
import json
from pathlib import Path

import onnx
import torch

from tests.tiny_transformers import write_sam

from .case import CONFIG, ONCE, Case, files_content, with_options

AGAIN = ('--overwrite',)
"""These commands do not resume: an interrupted one is started anew."""


def writers(inputs, weights, images):
    """Write inputs, and return the cases by name."""
    base = inputs / 'thresholds.py'
    base.write_text(
        f"_base_ = ['{CONFIG}']\n"
        "model = dict(inference=dict(postprocessors=[dict(type='mmwsl.ClassThresholds', thresholds='none.json')]))\n"
    )
    zoom = inputs / 'zoom_out.py'
    zoom.write_text(
        f"_base_ = ['{CONFIG}']\n"
        "maps = dict(type='mmwsl.ZoomOutMaps', layers=['backbone.layers.0'], scene=False, svm='none.pth')\n"
        "model = dict(inference=dict(class_maps=maps, postprocessors=[dict(type='mmwsl.SuperpixelCRF')]))\n"
        "steps = [dict(type='mmwsl.KeepOriginalImage'), dict(type='mmwsl.ComputeSuperpixels', method='slic')]\n"
        'test_pipeline = _base_.test_pipeline[:1] + steps + _base_.test_pipeline[1:]\n'
        'val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))\n'
    )
    coco = _coco(inputs / 'instances.json')
    config = str(CONFIG)
    commands = {
        'print-config': (
            lambda out: ['print-config', config, '--out', f'{_made(out)}/config.py'],
            lambda out: files_content(out, 'config.py'),
        ),
    }
    commands |= dict(
        test=(
            lambda out: ['test', config, weights, '--out', f'{out}/masks', '--show-dir', f'{out}/drawn', *_log(out)],
            lambda out: files_content(out, 'masks/*.png', 'drawn/**/*.png'),
        ),
        tune=(
            lambda out: ['tune-thresholds', str(base), weights, '--out', f'{_made(out)}/found.json', *_log(out)],
            lambda out: json.loads((out / 'found.json').read_text()),
        ),
        zoom=(
            lambda out: ['fit-zoom-out', str(zoom), weights, '--out', f'{_made(out)}/svm.pth', *_log(out)],
            lambda out: torch.load(out / 'svm.pth', weights_only=True),
        ),
        export=(
            lambda out: ['export', config, '--checkpoint', weights, '--out', f'{_made(out)}/model.onnx'],
            lambda out: dict(model=onnx.load(out / 'model.onnx').SerializeToString()),
        ),
        demo=(
            lambda out: ['demo', '--work-dir', f'{out}'],
            lambda out: files_content(out, 'image_grid.png'),
        ),
        coco=(
            lambda out: ['coco-masks', str(coco), '--out', f'{out}'],
            lambda out: files_content(out, '*.png'),
        ),
    )
    for name in ('color', 'overlay', 'coco', 'cvat', 'yolo', 'label-studio'):
        commands[f'predict-{name}'] = (
            lambda out, name=name: _predict(images, weights, out, '--format', name),
            lambda out: files_content(out, '**/*.json', '**/*.xml', '**/*.txt', '**/*.png'),
        )
    if importlib.util.find_spec('transformers'):
        sam = write_sam(inputs / 'sam')
        rule = ['--points-per-side', '8', '--min-iou', '0', '--min-stability', '0']
        commands['sam'] = (
            lambda out: ['sam-masks', str(images), '--model', str(sam), '--out', str(out), *rule],
            lambda out: files_content(out, '*.npz', 'sam_masks.json'),
        )
    found = {}
    for name, (argv, result) in commands.items():
        again = () if name.startswith(('predict', 'sam')) else AGAIN
        plain = name in ('coco', 'print-config', 'sam') or name.startswith('predict')
        found[name] = Case(
            argv if plain else _short(argv), ['masks/*.png', '*.npz'] if again == () else (), result, again
        )
    return found


def _short(argv):
    return lambda out: with_options(argv(out), *ONCE, 'test_dataloader.dataset.length=20')


def _log(out):
    return ['--work-dir', f'{out}/log']


def _made(folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    return folder


def _predict(images, weights, out, *more):
    return ['predict', str(CONFIG), str(images), '--checkpoint', weights, '--out', str(out), *more]


def _coco(path):
    """Write a file of 60 images with an instance each."""
    box = [4, 4, 30, 20]
    polygon = [4, 4, 34, 4, 34, 24, 4, 24]
    content = dict(
        categories=[dict(id=1, name='box')],
        images=[dict(id=index, file_name=f'{index}.jpg', width=600, height=400) for index in range(60)],
        annotations=[
            dict(id=index, image_id=index, category_id=1, bbox=box, area=600, iscrowd=0, segmentation=[polygon])
            for index in range(60)
        ],
    )
    path.write_text(json.dumps(content))
    return path
