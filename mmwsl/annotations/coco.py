"""Tags from COCO's instance annotations."""

import json
from pathlib import Path

from .record import ImageLabelRecord, check_choice, make_record, read_text

CROWD = ('present', 'ignore', 'unknown')


def read_coco(path: str | Path, crowd: str = 'present', backend_args: dict | None = None) -> list[ImageLabelRecord]:
    """Read ``instances_*.json``: a class is present when an instance of it is annotated.

    Categories are matched by name, since COCO's ids have gaps. An image without annotation is a background image.

    Args:
        path (str | Path): The file.
        crowd (str): What a class is whose every annotation is a crowd region (``iscrowd=1``): ``'present'`` (its
            pixels are in the masks), ``'ignore'`` (the regions do not count: absent) or ``'unknown'``.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Returns:
        list[ImageLabelRecord]: One record per image of ``images``, in order.

    Raises:
        FileNotFoundError: ``path`` does not exist.
        ValueError: Not JSON, not COCO's structure, or an annotation of an unknown image or category.
    """
    check_choice('crowd', crowd, CROWD)
    try:
        content = json.loads(read_text(path, backend_args=backend_args))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path}: not JSON ({error}).') from error
    lacking = [
        key for key in ('images', 'annotations', 'categories') if not isinstance(content, dict) or key not in content
    ]
    if lacking:
        raise ValueError(f"{path}: no {lacking}. Give COCO's `instances_*.json`; image_info files hold no tags.")
    names = {category['id']: category['name'] for category in content['categories']}
    sure: dict[int, list[str]] = {image['id']: [] for image in content['images']}
    crowds: dict[int, list[str]] = {image_id: [] for image_id in sure}
    for annotation in content['annotations']:
        image_id, category_id = annotation.get('image_id'), annotation.get('category_id')
        if image_id is None or category_id is None:
            raise ValueError(
                f'{path}: annotation {annotation.get("id", image_id)} has no `image_id` and '
                "`category_id`. Give COCO's `instances_*.json`; the panoptic files are others."
            )
        if image_id not in sure or category_id not in names:
            raise ValueError(
                f'{path}: annotation {annotation.get("id")} refers to image {image_id} and category '
                f'{category_id}, which are not both declared in the file.'
            )
        (crowds if annotation.get('iscrowd') else sure)[image_id].append(names[category_id])
    return [
        make_record(
            image['file_name'],
            sure[image['id']] + (crowds[image['id']] if crowd == 'present' else []),
            crowds[image['id']] if crowd == 'unknown' else (),
            f'{path}: image {image["id"]}',
        )
        for image in content['images']
    ]
