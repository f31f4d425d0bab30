"""Image-level labels from the XML file of CVAT's format "CVAT for images 1.1"."""

from pathlib import Path

from mmwsl.utils.files import read_bytes
from mmwsl.utils.text import plain, shorten

from .record import ImageLabelRecord, make_record
from .xml_file import parse_xml


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
    root = parse_xml(read_bytes(path, backend_args=backend_args), path)
    images = root.findall('image')
    if root.tag != 'annotations' or not images:
        raise ValueError(
            f'{path}: <annotations> must contain <image>, got <{plain(root.tag)}> with '
            f'{shorten(sorted({item.tag for item in root})) if len(root) else "nothing"}. Export the task as "CVAT for '
            'images 1.1".'
        )
    records = []
    for number, image in enumerate(images, 1):
        source = f'{path}: image {plain(image.get("id", number))}'
        labels = [shape.get('label', '').strip() for shape in image]
        if not image.get('name') or not all(labels):
            raise ValueError(
                f'{source}: <image> must have a `name` and its shapes a `label`, got {shorten(image.attrib)}.'
            )
        records.append(make_record(image.attrib['name'], labels, source=source))
    return records
