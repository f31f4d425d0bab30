"""Files of a project or of pseudo-labels that were edited by hand."""

import json
from collections.abc import Callable
from pathlib import Path

from ..harness import Case, case

RUN = 'run images --labels labels.csv --val val.txt --masks masks --out project --no-pretrained --epochs 1'
LABEL = 'generate-pseudo-labels wsl.py work/epoch_2.pth --out pseudo'
REPORT = 'report project'
REMOVED = object()


def edit(file: str, key: str, value: object) -> Callable[[Path], None]:
    """Return a function that replaces or removes a value of a JSON file."""

    def write(root: Path) -> None:
        content = json.loads((root / file).read_text())
        *parents, last = key.split('.')
        part = content
        for name in parents:
            part = part[name]
        if value is REMOVED:
            del part[last]
        else:
            part[last] = value
        (root / file).write_text(json.dumps(content))

    return write


EDITS: list[tuple[str, str, object, str]] = [
    ('project/summary.json', 'classifier.inputs', REMOVED, RUN),
    ('project/summary.json', 'data.images', REMOVED, REPORT),
    ('project/summary.json', 'data.label_options', [1], REPORT),
    ('project/summary.json', 'segmentor.checkpoint', 7, 'predict project images --out new'),
    ('project/summary.json', 'classifier.checkpoint', ['a'], 'label project'),
    ('project/summary.json', 'split.train', None, RUN),
    ('project/summary.json', 'labels.thresholds', REMOVED, RUN),
    ('project/summary.json', 'classifier.seconds', '12 s', RUN),
    ('project/summary.json', 'evaluation.IoU', [1, 2], REPORT),
    ('project/summary.json', 'rounds', 99, REPORT),
    ('project/summary.json', 'evaluation.mIoU', '18,02', REPORT),
    ('project/labels/quality.json', 'classes', {'a': 1}, REPORT),
    ('project/labels/agreement.json', '00', 'high', REPORT),
    ('project/labels/thresholds.json', 'spread', 3, REPORT),
    ('project/labels/thresholds.json', 'curves', 'abc', REPORT),
    ('project/labels/manifest.json', 'options', REMOVED, 'label project'),
    ('project/labels/manifest.json', 'options.dataset', [], RUN),
    ('pseudo/manifest.json', 'options', REMOVED, LABEL),
    ('pseudo/manifest.json', 'masks.rule', REMOVED, LABEL),
    ('pseudo/manifest.json', 'image_labels', [1, 2], LABEL),
    ('pseudo/manifest.json', 'image_digests', ['x'], LABEL),
]

CASES: list[Case] = [
    case(
        f'{file}: {key} {"removed" if value is REMOVED else "replaced"}',
        command,
        'rejected',
        Path(file).name,
        prepare=edit(file, key, value),
        changes=('project/project.py', 'project/segmentor.py'),  # `run` follows a folder that was copied
    )
    for file, key, value, command in EDITS
]
