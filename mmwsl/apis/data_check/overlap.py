"""Images that are in the training set and in the evaluated one, as the same file or by content."""

import os
from collections.abc import Iterable, Sequence

from mmengine.config import Config
from mmengine.registry import DATASETS

from mmwsl.apis.registered import is_subclass, select
from mmwsl.apis.supervision import training_sets
from mmwsl.datasets.data_files import data_infos
from mmwsl.datasets.transforms import RenderShapesImage
from mmwsl.registry import TRANSFORMS
from mmwsl.utils.file_facts import Facts, file_facts
from mmwsl.utils.files import digest_file
from mmwsl.utils.images import list_files
from mmwsl.utils.text import first_five


def training_images(cfg: Config, evaluated: Sequence[str]) -> list[str]:
    """List the image files that a config trains on, without reading them.

    Synthetic images have no files. A set without any of the evaluated images in its folder may be left out.

    Args:
        cfg: The config.
        evaluated: The evaluated files.
    """
    paths: list[str] = []
    for part in training_sets(cfg):
        if select(part['pipeline'], lambda step: is_subclass(step, TRANSFORMS, RenderShapesImage)):
            continue
        # The labels of a set without a list select its images. Those of COCO take long to read.
        if part.get('label_file') and not part.get('ann_file') and not shared_images(_folder_files(part), evaluated):
            continue
        # A test set needs no labels.
        built = DATASETS.build(dict(part, pipeline=[], test_mode=True))
        paths += [info['img_path'] for info in data_infos(built)]
    return paths


def _folder_files(dataset: dict) -> list[str]:
    """List all files in the folder of the images of a dataset."""
    folder = os.path.join(dataset.get('data_root') or '', (dataset.get('data_prefix') or {}).get('img_path') or '')
    return [os.path.join(folder, name) for name in list_files(folder, dataset.get('backend_args'))]


def shared_images(train: Sequence[str], evaluated: Sequence[str]) -> list[str]:
    """Return the evaluated files that are also training files, or copies of them."""
    trained, tested = _stats(train), _stats(evaluated)
    files = {(stat.st_dev, stat.st_ino) for stat in trained.values()}
    sizes = {stat.st_size for stat in trained.values()} & {stat.st_size for stat in tested.values()}
    same = {path for path, stat in tested.items() if (stat.st_dev, stat.st_ino) in files}
    unclear = [path for path, stat in tested.items() if path not in same and stat.st_size in sizes]
    if unclear:
        digests = {*image_digests(path for path, stat in trained.items() if stat.st_size in sizes)} - {''}
        same |= {path for path, digest in zip(unclear, image_digests(unclear), strict=True) if digest in digests}
    return [path for path in dict.fromkeys(evaluated) if path in same]


def describe_overlap(shared: Sequence[str], total: int, images: str = 'validation') -> str:
    """Return a statement about images that are trained on and evaluated, for the results; '' if there are none."""
    if not shared:
        return ''
    names = first_five(os.path.basename(path) for path in shared)
    return f'{len(shared)} of {total} {images} images are also training images, as the same file or a copy: {names}'


def _stats(paths: Iterable[str]) -> dict[str, os.stat_result]:
    found = {}
    for path in dict.fromkeys(paths):
        try:
            found[path] = os.stat(path)
        except (OSError, ValueError):  # missing, or the URL of a remote file
            continue
    return found


def image_digests(paths: Iterable[str]) -> list[str]:
    """Return the digest of each file, an empty text for one that cannot be read. Unchanged files are not read again."""
    return [fact.get('digest', '') for fact in file_facts(list(paths), _read_digest, 'digest')]


def _read_digest(path: str) -> Facts:
    try:
        return dict(digest=digest_file(path))
    except OSError as error:
        return dict(error=str(error))
