"""Commands of a project: `mmwsl run`, and those that continue a finished one."""

import importlib.util
import json
import shutil

from tests.test_apis.test_project.conftest import arguments, write_shapes
from tests.tiny_transformers import write_clip

from .case import Case, checkpoint, files_content
from .process import complete

KEPT = ['*/*.pth', '*/scores/**/*.npz', 'predictions/masks/**/*.png']


def projects(inputs):
    """Write images with labels, and return the cases by name."""
    data = write_shapes(inputs / 'data')
    masks = _validation_masks(data)
    clip = write_clip(inputs / 'clip', patch=24) if importlib.util.find_spec('transformers') else None
    found = dict(
        run=Case(
            lambda out: arguments(data, out, '--masks', str(masks)),
            KEPT,  # the masks are written again, after the walk
            _project,
            other=['--overwrite', '--seed', '1'],
        ),
        best=Case(
            lambda out: arguments(data, _finished(inputs, data, masks, out), '--masks', str(masks), '--preset', 'best'),
            ['*/*.pth', '*/scores/**/*.npz', 'labels*/masks/**/*.png'],  # the images are predicted again
            _project,
            other=['--overwrite', '--seed', '1'],
        ),
        label=Case(
            lambda out: ['label', str(_finished(inputs, data, masks, out)), '--thresholds', f'{inputs}/low.json'],
            KEPT,
            _project,
            other=['--thresholds', f'{inputs}/high.json'],
            staged=['labels/.masks.part'],
        ),
        report=Case(
            lambda out: ['report', str(_finished(inputs, data, masks, out))],
            [*KEPT, 'labels/masks/**/*.png'],
            _project,
            other=(),
        ),
    )
    if clip is None:
        return found
    teacher = Case(
        lambda out: ['label', str(_finished(inputs, data, masks, out)), '--teacher', str(clip)],
        ['*/*.pth', 'predictions/masks/**/*.png'],  # the scores and masks of the network are replaced
        _project,
        other=['--dtype', 'bfloat16'],
        staged=['labels/.masks.part'],
    )
    return found | dict(teacher=teacher)


def _finished(inputs, data, masks, out):
    """Copy a finished project, and return the folder. Two files of other thresholds are written beside the original."""
    project = inputs / 'project'
    if not project.exists():
        complete(arguments(data, project, '--masks', str(masks)), inputs / 'run.txt')
        content = json.loads((project / 'labels/thresholds.json').read_text())
        for name, value in (('low', 0.3), ('high', 0.6)):
            content['thresholds'] = [value] * len(content['thresholds'])
            (inputs / f'{name}.json').write_text(json.dumps(content))
    if not out.exists():
        shutil.copytree(project, out)
    return out


def _validation_masks(data):
    """Copy the masks of the validation images into a folder of their own."""
    folder = data.root / 'val_masks'
    folder.mkdir()
    for name in data.val:
        file = f'{name if name.startswith("same") else name[:-4]}.png'
        (folder / file).write_bytes((data.root / 'masks' / file).read_bytes())
    return folder


def _project(folder):
    summary = json.loads((folder / 'summary.json').read_text())
    summary.pop('times', None)  # measured
    for stage in summary.values():
        if isinstance(stage, dict):
            stage.pop('seconds', None)
    masks = ('labels*/masks/**/*.png', 'labels*/scores/**/*.npz', 'predictions/masks/**/*.png')
    names = ('checkpoints', 'affinity', 'segmentor', 'segmentor_2')
    parts = [name for name in names if (folder / name).is_dir()]
    trained = {part: checkpoint(folder / part) for part in parts}
    # A stage that was interrupted after its training evaluates again: the metrics stand in the summary.
    for part in trained.values():
        part.pop('metrics')
    pages = sorted(path.relative_to(folder).as_posix() for path in (folder / 'report').rglob('*') if path.is_file())
    return dict(summary=summary, pages=pages, **trained, **files_content(folder, *masks))
