"""Label Studio's JSON exports: image-level labels from choices, boxes, polygons and brush masks."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mmwsl.utils.files import load_json
from mmwsl.utils.images import IMG_EXTENSIONS
from mmwsl.utils.text import plain, shorten

from .columns import usual_columns
from .record import ImageLabelRecord, make_record

UPLOAD_PREFIX = re.compile(r'^[0-9a-f]{8}-')


def read_label_studio(path: str | Path, backend_args: dict | None = None) -> list[ImageLabelRecord]:
    """Read an export of the type JSON or JSON-MIN.

    A class is present if a choice, box, polygon, ellipse, key point or brush mask names it. If several people have
    annotated an image, classes that only some of them name are unknown. An annotation without any class is a
    background image, except in JSON-MIN. An image without annotations, or with skipped ones only, has no record.

    Args:
        path: The file.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per image, in order. Its name is the path within the URL of the image, see :func:`image_path`.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the file is not such an export, a task has no image, or no task has an annotation.
    """
    tasks = load_json(path, backend_args=backend_args)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise ValueError(f'{path}: a Label Studio export must be a list of tasks, got {type(tasks).__name__}.')
    votes: dict[str, tuple[str, list[list[str]]]] = {}
    for index, task in enumerate(tasks):
        source = f'{path}: task {plain(task.get("id", index))}'
        if 'data' in task:
            annotations = task.get('annotations', task.get('completions')) or []
            if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
                raise ValueError(f'{source}: `annotations` must be a list of objects, got {shorten(annotations)}.')
            annotated = [_names(item.get('result')) for item in annotations if not item.get('was_cancelled')]
            image = _find_image(task['data'], source)
        else:
            annotated, image = [_minimal_names(task, source)], _find_image(task, source)
        if annotated:
            votes.setdefault(image, (source, []))[1].extend(annotated)
    if not votes:
        raise ValueError(f'{path}: at least one task must have an annotation, got none in {len(tasks)} tasks.')
    records = []
    for image, (source, annotated) in votes.items():
        names = dict.fromkeys(name for labels in annotated for name in labels)
        common = set(names).intersection(*annotated)
        records.append(make_record(image, [name for name in names if name in common], names, source))
    return records


def _names(value: Any) -> list[str]:
    """Collect the classes in the values of results, at any depth: ``choices``, ``brushlabels`` and so on."""
    names: list[str] = []
    parts = [('', value)]  # a list instead of calls, which a deeply nested file would exhaust
    while parts:
        key, item = parts.pop()
        if key == 'choices' or key.endswith('labels'):
            items = item if isinstance(item, list) else [item]
            names += [name for name in items if isinstance(name, str)]
        elif isinstance(item, dict):
            parts += reversed(item.items())
        elif isinstance(item, list):
            parts += [('', entry) for entry in reversed(item)]
    return names


def _minimal_names(task: dict, source: str) -> list[str]:
    """Return the classes of a row of JSON-MIN, where a single choice is a plain string."""
    names = _names(list(task.values()))
    names += [task[key] for key in usual_columns(task, 'label_column') if isinstance(task[key], str)]
    if not names:
        raise ValueError(f'{source}: a row of JSON-MIN must name a class, got {shorten(task)}. Export as JSON instead.')
    return names


def _find_image(data: Any, source: str) -> str:
    """Return the path of the image of a task: under a usual key, or the only URL of an image."""
    if not isinstance(data, dict):
        raise ValueError(f'{source}: `data` must be an object, got {shorten(data)}.')
    keys = [key for key in usual_columns(data, 'image_column') if isinstance(data[key], str)]
    keys = keys or [key for key, value in data.items() if isinstance(value, str) and _is_image(value)]
    if len(keys) != 1:
        raise ValueError(
            f'{source}: exactly one entry of `data` must be an image, got {shorten(keys or sorted(data))}.'
        )
    return image_path(data[keys[0]])


def _is_image(url: str) -> bool:
    return image_path(url).lower().endswith(IMG_EXTENSIONS)


def image_path(url: str) -> str:
    """Reduce the URL of an image in an annotation tool to a path.

    ``/data/upload/3/ab12cd34-x.jpg`` -> ``x.jpg``; ``/data/local-files/?d=a/x.jpg`` -> ``a/x.jpg``;
    ``s3://bucket/a/x.jpg`` -> ``a/x.jpg``; ``https://host/a/x.jpg?key=1`` -> ``a/x.jpg``. Other paths are unchanged.

    Args:
        url: The URL or path.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # not a URL, but a path with brackets
        return url
    if parts.path.rstrip('/').endswith('/data/local-files'):
        return parse_qs(parts.query).get('d', [''])[0].replace('\\', '/').lstrip('/')
    if '/data/upload/' in f'/{parts.path}':
        return UPLOAD_PREFIX.sub('', unquote(parts.path).rsplit('/', 1)[-1])
    return unquote(parts.path).lstrip('/') if '://' in url else url
