"""COCO's JSON files: parsed once, for image-level labels, boxes and proposals."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from mmwsl.utils.files import load_json
from mmwsl.utils.text import check_choice, plain, shorten

from .boxes import ObjectBox
from .record import ImageLabelRecord, make_record

CROWD = ('present', 'ignore', 'unknown')
MAX_EDGE = 1 << 31


@dataclass(frozen=True)
class COCOFile:
    """A COCO file whose references between the sections are checked.

    Attributes:
        path: The file.
        images: File name by image id; empty for a list of results.
        categories: Name by category id; empty for results.
        annotations: The annotations or results, each with an ``image_id``.
        sizes: Height and width by image id, as the file has them; None where it has none.
    """

    path: str
    images: dict[Any, str]
    categories: dict[Any, str]
    annotations: list[dict]
    sizes: dict[Any, tuple[Any, Any]] = field(default_factory=dict)


def load_coco(
    path: str | Path, argument: str = 'label file', results: bool = False, backend_args: dict | None = None
) -> COCOFile:
    """Parse a COCO file, ``instances_*.json`` or results.

    Args:
        path: The file.
        argument: Name of the argument or kind of the file, for errors.
        results: Whether the file holds results: a bare list of them, or an object that needs no ``categories``.
        backend_args: See :mod:`mmengine.fileio`.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the file is not JSON, lacks a section, or an annotation refers to an unknown image or category.
    """
    content = load_json(path, argument, backend_args)
    images, categories, sizes = {}, {}, {}
    if results and isinstance(content, list):
        annotations = content
    else:
        sections = ('images', 'annotations') if results else ('images', 'annotations', 'categories')
        lacking = [key for key in sections if not isinstance(content, dict) or not isinstance(content.get(key), list)]
        if lacking:
            raise ValueError(
                f"{path}: no list {lacking}. Give {'results' if results else '`instances_*.json`'} in COCO's format."
            )
        annotations = content['annotations']
        images = _by_id(content, 'images', 'file_name', path)
        sizes = {item['id']: (item.get('height'), item.get('width')) for item in content['images']}
        if not results:
            categories = _by_id(content, 'categories', 'name', path)
    for item in annotations:
        if not isinstance(item, dict) or not isinstance(item.get('image_id'), int | str):
            raise ValueError(f'{path}: every annotation must be an object with an `image_id`, got {shorten(item)}.')
        image, category = item['image_id'], item.get('category_id')
        if not results and category is None:
            raise ValueError(
                f'{path}: annotation {plain(item.get("id", image))} has no `category_id`. Give `instances_*.json`, not '
                'the panoptic file.'
            )
        if isinstance(content, dict) and image not in images:
            raise ValueError(
                f'{path}: annotation {plain(item.get("id"))} refers to image {shorten(image)}, which `images` lacks.'
            )
        if not results and (not isinstance(category, int | str) or category not in categories):
            raise ValueError(
                f'{path}: annotation {plain(item.get("id"))} refers to category {shorten(category)}, which '
                '`categories` lacks.'
            )
    return COCOFile(str(path), images, categories, annotations, sizes)


def _by_id(content: dict, section: str, key: str, path: str | Path) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for item in content[section]:
        entry = (item.get('id'), item.get(key)) if isinstance(item, dict) else (None, None)
        if not all(isinstance(value, int | str) for value in entry):
            raise ValueError(
                f'{path}: `{section}` must be a list of objects with `id` and `{key}`, got {shorten(item)}.'
            )
        if entry[0] in names or not str(entry[1]).strip():
            raise ValueError(
                f'{path}: every entry of `{section}` must have its own `id` and a `{key}`, got {shorten(item)}.'
            )
        names[entry[0]] = str(entry[1])
    return names


def read_coco(path: str | Path, crowd: str = 'present', backend_args: dict | None = None) -> list[ImageLabelRecord]:
    """Read image-level labels from ``instances_*.json``: a class is present if an instance of it is annotated.

    Categories are matched by name, since COCO's ids have gaps. An image without annotations is a background image.

    Args:
        path: The file.
        crowd: Label of a class that only has crowd regions (``iscrowd=1``): ``'present'`` (the masks contain its
            pixels), ``'ignore'`` (the regions do not count: absent) or ``'unknown'``.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per image of ``images``, in order.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If ``crowd`` is unknown; see :func:`load_coco` for the file.
    """
    check_choice('crowd', crowd, CROWD)
    file = load_coco(path, backend_args=backend_args)
    instances: dict[Any, list[str]] = {image: [] for image in file.images}
    crowds: dict[Any, list[str]] = {image: [] for image in file.images}
    for item in file.annotations:
        (crowds if item.get('iscrowd') else instances)[item['image_id']].append(file.categories[item['category_id']])
    return [
        make_record(
            name,
            instances[image] + (crowds[image] if crowd == 'present' else []),
            crowds[image] if crowd == 'unknown' else (),
            f'{path}: image {plain(image)}',
        )
        for image, name in file.images.items()
    ]


def image_names(file: COCOFile) -> dict[Any, str]:
    """Return the file name without folder by image id.

    Raises:
        ValueError: If two images have the same name.
    """
    names = {image: Path(name).name for image, name in file.images.items()}
    if len({*names.values()}) < len(names):
        twice = Counter(names.values()).most_common(1)[0][0]
        raise ValueError(
            f'{file.path}: two images are named {twice!r}. Rename one: objects are found by the file name.'
        )
    return names


def coco_boxes(path: str | Path, backend_args: dict | None = None) -> dict[str, list[ObjectBox]]:
    """Read the boxes of all images from ``instances_*.json``, ``[x, y, width, height]`` from 0.

    COCO has boxes smaller than a pixel; they become one pixel. A crowd region is difficult.

    Args:
        path: The file.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        The boxes by the image's file name without folder.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If two images have the same name or a box is invalid; see :func:`load_coco` for the file.
    """
    file = load_coco(path, '`annotations`', backend_args=backend_args)
    names = image_names(file)
    boxes: dict[str, list[ObjectBox]] = {name: [] for name in names.values()}
    for item in file.annotations:
        name, box = names[item['image_id']], item.get('bbox')
        if not _is_box(box):
            raise ValueError(
                f'{path}: the `bbox` of annotation {plain(item.get("id"))} of {name!r} must be finite [x, y, width, '
                f'height] with non-negative width and height, got {shorten(box)}. Correct the file.'
            )
        left, top, width, height = box
        edges = (left, top, left + max(width, 1) - 1, top + max(height, 1) - 1)
        boxes[name].append(ObjectBox(file.categories[item['category_id']], edges, bool(item.get('iscrowd'))))
    return boxes


def _is_box(box: object) -> TypeGuard[list[float]]:
    """Tell whether a value is ``[x, y, width, height]`` with non-negative width and height."""
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(edge, int | float) for edge in box):
        return False
    return all(abs(edge) < MAX_EDGE for edge in box) and bool(min(box[2:]) >= 0)  # false for NaN too
