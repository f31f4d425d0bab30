"""Tags from PASCAL VOC's XML annotations."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from mmengine import fileio

from .record import DIFFICULT, TagRecord, check_choice, make_record


def read_voc_xml(folder: str | Path,
                 names: Iterable[str] | None = None,
                 difficult: str = 'present',
                 backend_args: dict | None = None) -> list[TagRecord]:
    """Read ``Annotations/{name}.xml``: a class is present when an object of it is annotated.

    An object that VOC flags ``difficult`` (small, occluded, hard to recognise) leaves VOC's own classification score
    out of account. Weakly supervised segmentation usually counts it, because its pixels are in the mask; hence
    ``'present'`` is the default here. The option matters only to a class whose every object is difficult.

    Args:
        folder (str | Path): The folder of the XML files.
        names (Iterable[str], optional): Stems to read; those without a file give no record. Defaults to None, all.
        difficult (str): ``'present'``, ``'unknown'`` or ``'absent'``: what a class with only difficult objects is.
        backend_args (dict, optional): See :mod:`mmengine.fileio`.

    Returns:
        list[TagRecord]: One record per file read.

    Raises:
        FileNotFoundError: ``folder`` does not exist.
        ValueError: A file is not XML, or an object has no name.
    """
    check_choice('difficult', difficult, DIFFICULT)
    if not fileio.isdir(folder, backend_args=backend_args):
        raise FileNotFoundError(f'folder of XML annotations {str(folder)!r} does not exist. Check `label_file`.')
    listing = fileio.list_dir_or_file(folder, list_dir=False, suffix='.xml', backend_args=backend_args)
    stems = {entry[:-4] for entry in listing}
    stems = sorted(stems) if names is None else [name for name in names if name in stems]
    return [_read_file(folder, stem, difficult, backend_args) for stem in stems]


def _read_file(folder: str | Path, stem: str, difficult: str, backend_args: dict | None) -> TagRecord:
    path = fileio.join_path(folder, f'{stem}.xml', backend_args=backend_args)
    try:
        root = ElementTree.fromstring(fileio.get(path, backend_args=backend_args))
    except ElementTree.ParseError as error:
        raise ValueError(f'{path}: not XML ({error}). Fetch the file again.') from error
    sure, hard = [], []
    # direct children only: the parts of a person (head, hand) are named too, one level deeper
    for number, item in enumerate(root.findall('object'), 1):
        name = (item.findtext('name') or '').strip()
        if not name:
            raise ValueError(f'{path}: object {number} has no <name>.')
        (hard if (item.findtext('difficult') or '0').strip() == '1' else sure).append(name)
    return make_record(stem, sure + hard if difficult == 'present' else sure,
                       hard if difficult == 'unknown' else (), str(path))
