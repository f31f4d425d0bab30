"""Anybody's folder of images with a table of tags, or with one folder per class."""

from collections.abc import Sequence

from mmengine.fileio import join_path
from mmengine.logging import print_log
from mmengine.utils import is_abs

from mmwsl.annotations import ImageLabelRecord, read_class_folders, read_table
from mmwsl.registry import DATASETS

from .classes import BACKGROUND
from .image_label import ImageLabelDataset
from .images import IMG_EXTENSIONS, list_images


@DATASETS.register_module()
class FolderWeakDataset(ImageLabelDataset):
    """A folder of images and their tags: a table (``label_file``) or one folder per class (``class_folders``).

    Without ``metainfo=dict(classes=...)`` the classes are those of the tags in sorted order, background first, and
    they are printed. Name them in a config that is to last: the order of the ids is part of a checkpoint, and the
    tags of a validation set may lack a class. Masks, if given, hold the index of the class in ``classes``.

    In a table without any ``;``, ``|`` or ``,`` between labels, spaces separate them: ``dog person`` is two classes,
    and so is ``traffic light``. Where names hold spaces, say so with ``label_cfg=dict(separator=';')``.

    Args:
        ann_file (str): Optional list of images, paths relative to the folder of images.
        label_file (str): A table of tags, see :func:`~mmwsl.annotations.read_table`.
        class_folders (bool): Whether the tag of an image is the first folder of its path. Defaults to False.
        background_folder (str, optional): The class folder of the background images. Defaults to 'background'.
        metainfo (dict, optional): ``dict(classes=('background', ...))``. Defaults to None, from the tags.
        img_suffix (str | Sequence[str], optional): Defaults to None, any image.
        **kwargs: See :class:`ImageLabelDataset`.
    """

    def __init__(
        self,
        ann_file: str = '',
        label_file: str = '',
        class_folders: bool = False,
        background_folder: str | None = BACKGROUND,
        metainfo: dict | None = None,
        img_suffix: str | Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        if class_folders and label_file:
            raise ValueError(f'`label_file={label_file!r}` and `class_folders=True` are two sources of tags. Give one.')
        self.class_folders = class_folders
        self.background_folder = background_folder
        if not (metainfo or {}).get('classes'):
            records, source = self._read_all(label_file, img_suffix, **kwargs)
            metainfo = dict(metainfo or {}, classes=infer_classes(records, source))
            hint = 'Name them in `metainfo=dict(classes=...)` to fix their order.'
            if label_file:
                hint += " If a name of several words was split, set `label_cfg=dict(separator=';')`."
            print_log(f'Classes found in the tags: {metainfo["classes"]}. {hint}', logger='current')
        super().__init__(ann_file=ann_file, label_file=label_file, metainfo=metainfo, img_suffix=img_suffix, **kwargs)

    def read_records(self, names: list[str] | None) -> list[ImageLabelRecord] | None:
        """Read the table or the class folders."""
        if not self.class_folders:
            return super().read_records(names)
        folder = self.data_prefix['img_path']
        return read_class_folders(
            list_images(folder, self._suffixes(), self.backend_args), self.background_folder, folder
        )

    def _tag_source(self) -> str:
        return f'the class folders of {self.data_prefix["img_path"]!r}' if self.class_folders else super()._tag_source()

    def _read_all(
        self,
        label_file: str,
        img_suffix: str | Sequence[str] | None,
        data_root: str | None = None,
        data_prefix: dict | None = None,
        label_cfg: dict | None = None,
        backend_args: dict | None = None,
        **kwargs,
    ) -> tuple[list[ImageLabelRecord], str]:
        # the parent joins paths after it has fixed the classes, which are asked for here
        def join(path: str) -> str:
            return join_path(data_root, path) if data_root and not is_abs(path) else path

        if self.class_folders:
            folder = join((data_prefix or {}).get('img_path') or '')
            suffixes = (img_suffix,) if isinstance(img_suffix, str) else img_suffix or IMG_EXTENSIONS
            suffixes = tuple(suffix.lower() for suffix in suffixes)
            images = list_images(folder, suffixes, backend_args)
            return read_class_folders(images, self.background_folder, folder), f'class folders of {folder!r}'
        if not label_file:
            return [], ''
        path = join(label_file)
        return read_table(path, backend_args=backend_args, **(label_cfg or {})), f'table label_file={path!r}'


def infer_classes(records: list[ImageLabelRecord], source: str = '') -> tuple[str, ...]:
    """All names of the records, sorted, with background first.

    Args:
        records (list[ImageLabelRecord]): The tags.
        source (str): Where they were read, for errors. Empty if nowhere.

    Raises:
        ValueError: The records name no class.
    """
    names = {name for record in records for name in (*record.labels, *record.unknown)} - {BACKGROUND}
    if not names and not source:
        raise ValueError(
            'no class is known: there are no tags. Give `metainfo=dict(classes=("background", ...))`, '
            '`label_file`, or `class_folders=True`.'
        )
    if not names:
        reason = (
            'all are background images. Add tags, or give `metainfo=dict(classes=("background", ...))`'
            if records
            else 'no image is listed, it is empty. Add the images, or correct the path'
        )
        raise ValueError(f'no class is known from the {source}: {reason}.')
    return (BACKGROUND, *sorted(names))
