"""Image-level labels from the XML file of CVAT's format "CVAT for images 1.1"."""

from pathlib import Path
from xml.etree import ElementTree

from mmengine import fileio

from .record import ImageLabelRecord, make_record


def read_cvat_xml(path: str | Path, backend_args: dict | None = None) -> list[ImageLabelRecord]:
    """Read the labels of tags, and of boxes, polygons, masks and other shapes, of every image.

    An image without annotations is a background image.

    Args:
        path: The file ``annotations.xml``.
        backend_args: See :mod:`mmengine.fileio`.

    Returns:
        One record per image, in order.

    Raises:
        FileNotFoundError: If ``path`` does not exist.
        ValueError: If the file is not XML, has no images, or an image or a shape lacks its name.
    """
    try:
        root = ElementTree.fromstring(fileio.get(path, backend_args=backend_args))
    except ElementTree.ParseError as error:
        raise ValueError(f'{path}: not XML ({error}). Export the annotations again.') from error
    images = root.findall('image')
    if root.tag != 'annotations' or not images:
        raise ValueError(
            f'{path}: <annotations> must contain <image>, got <{root.tag}> with '
            f'{sorted({item.tag for item in root}) or "nothing"}. Export the task as "CVAT for images 1.1".'
        )
    records = []
    for number, image in enumerate(images, 1):
        source = f'{path}: image {image.get("id", number)}'
        labels = [shape.get('label', '').strip() for shape in image]
        if not image.get('name') or not all(labels):
            raise ValueError(f'{source}: <image> must have a `name` and its shapes a `label`, got {image.attrib}.')
        records.append(make_record(image.attrib['name'], labels, source=source))
    return records
