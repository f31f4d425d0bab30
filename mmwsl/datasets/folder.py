"""A folder of images with a table of image-level labels, or with one folder per class."""

from collections.abc import Sequence
from typing import Any

from mmengine.fileio import join_path
from mmengine.logging import print_log
from mmengine.utils import is_abs

from mmwsl.annotations import ImageLabelRecord, read_class_folders, read_table
from mmwsl.annotations.label_table import LabelTable
from mmwsl.registry import DATASETS
from mmwsl.utils.images import IMG_EXTENSIONS, list_images

from .classes import BACKGROUND
from .image_label import ImageLabelDataset


@DATASETS.register_module()
class FolderWeakDataset(ImageLabelDataset):
    """A folder of images with labels from a table (``label_file``) or from one folder per class (``class_folders``).

    Without ``metainfo=dict(classes=...)`` the classes are the sorted names of the labels, background first; they are
    printed. Set them in a config that is kept: the class ids are part of a checkpoint, and the labels of a validation
    set may lack a class. Mask files, if given, hold the index of the class in ``classes``.

    In a table without any ``;``, ``|`` or ``,`` between labels, spaces separate them: ``dog person`` is two classes,
    and so is ``traffic light``. If names contain spaces, set ``label_cfg=dict(separator=';')``.

    Args:
        ann_file: Optional list of images, paths relative to the folder of images.
        label_file: A table of image-level labels, see :func:`~mmwsl.annotations.read_table`.
        class_folders: Whether the label of an image is the first folder of its path.
        background_folder: The class folder of the background images.
        metainfo: ``dict(classes=('background', ...))``, or None to infer the classes from the labels.
        img_suffix: Suffix of the images, or several. None accepts any image.
        **kwargs: Passed to :class:`ImageLabelDataset`.

    Raises:
        ValueError: If there are two sources of labels, or no class is known.
    """

    def __init__(
        self,
        ann_file: str = '',
        label_file: str = '',
        class_folders: bool = False,
        background_folder: str | None = BACKGROUND,
        metainfo: dict | None = None,
        img_suffix: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if class_folders and label_file:
            raise ValueError(
                f'`label_file={label_file!r}` and `class_folders=True` are two sources of labels. Remove one.'
            )
        self.class_folders = class_folders
        self.background_folder = background_folder
        self._records: Sequence[ImageLabelRecord] | None = None  # read once, as a table may be large
        if not (metainfo or {}).get('classes'):
            records, source = self._read_all(label_file, img_suffix, **kwargs)
            self._records = records if label_file else None
            metainfo = dict(metainfo or {}, classes=infer_classes(records, source))
            hint = 'Set `metainfo=dict(classes=...)` to fix their order.'
            if label_file:
                hint += " If a name of several words was split, set `label_cfg=dict(separator=';')`."
            print_log(f'Classes found in the image-level labels: {metainfo["classes"]}. {hint}', logger='current')
        super().__init__(ann_file=ann_file, label_file=label_file, metainfo=metainfo, img_suffix=img_suffix, **kwargs)

    def read_records(self, names: list[str] | None) -> Sequence[ImageLabelRecord] | None:
        """Read the table or the class folders."""
        if not self.class_folders:
            records, self._records = self._records, None
            return super().read_records(names) if records is None else records
        folder = self.data_prefix['img_path']
        return read_class_folders(list_images(folder, self.suffixes, self.backend_args), self.background_folder, folder)

    @property
    def lists_folder(self) -> bool:
        """Whether the labels are found with the images, in class folders."""
        return self.class_folders

    @property
    def label_source(self) -> str:
        """Where the labels come from, for messages."""
        return f'the class folders of {self.data_prefix["img_path"]!r}' if self.class_folders else super().label_source

    def _read_all(
        self,
        label_file: str,
        img_suffix: str | Sequence[str] | None,
        data_root: str | None = None,
        data_prefix: dict | None = None,
        label_cfg: dict | None = None,
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> tuple[Sequence[ImageLabelRecord], str]:
        # the parent joins paths after it has fixed the classes, which are needed here
        def join(path: str) -> str:
            return join_path(data_root, path) if data_root and not is_abs(path) else path

        if self.class_folders:
            folder = join((data_prefix or {}).get('img_path') or '')
            suffixes = (img_suffix,) if isinstance(img_suffix, str) else img_suffix or IMG_EXTENSIONS
            images = list_images(folder, tuple(suffix.lower() for suffix in suffixes), backend_args)
            return read_class_folders(images, self.background_folder, folder), f'class folders of {folder!r}'
        if not label_file:
            return [], ''
        path = join(label_file)
        return read_table(path, backend_args=backend_args, **(label_cfg or {})), f'table label_file={path!r}'


def infer_classes(records: Sequence[ImageLabelRecord], source: str = '') -> tuple[str, ...]:
    """Return all class names of the records, with background first: numbers by value, then other names, sorted.

    Args:
        records: The image-level labels.
        source: Where they were read, for errors; empty without labels.

    Raises:
        ValueError: If the records name no class.
    """
    kinds = LabelTable.of(records).kinds
    names = {name for record in kinds for name in (*record.labels, *record.unknown)} - {BACKGROUND}
    if not names and not source:
        raise ValueError(
            'no class is known: there are no image-level labels. Set `metainfo=dict(classes=("background", ...))`, '
            '`label_file`, or `class_folders=True`.'
        )
    if not names:
        reason = (
            'all are background images. Add labels, or set `metainfo=dict(classes=("background", ...))`.'
            if records
            else 'no image is listed. Add the images, or correct the path.'
        )
        raise ValueError(f'no class is known from the {source}: {reason}')
    numbers = sorted((name for name in names if name.isdecimal()), key=lambda name: (int(name), name))
    return (BACKGROUND, *numbers, *sorted(names.difference(numbers)))
