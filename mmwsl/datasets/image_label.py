"""The base of the datasets with image-level labels."""

import os.path as osp
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.fileio import join_path
from mmengine.utils import is_abs

from mmwsl.annotations import ImageLabelRecord, read_names, read_table
from mmwsl.annotations.label_table import LabelTable
from mmwsl.utils.file_index import FileIndex
from mmwsl.utils.images import IMG_EXTENSIONS, can_list, list_files, list_images, select_images
from mmwsl.utils.text import opencv_reason

from .classes import BACKGROUND, voc_colormap
from .filters import filter_infos
from .matching import (
    check_images,
    check_masks,
    encode_kinds,
    match_rows,
    named_images,
    unusual_masks,
    warn_absent_classes,
    warn_skipped,
)
from .packed_dataset import PackedDataset
from .packed_infos import InfoFormat, PackedInfos, encode_labels
from .shared_rows import share_rows
from .transforms.mask_loaders import all_transforms, opens_masks
from .vocabulary import check_classes, map_classes


class ImageLabelDataset(PackedDataset):
    """Images with image-level labels, and with masks if ``data_prefix`` has ``seg_map_path``.

    Unlike :class:`mmseg.datasets.BaseSegDataset`, it has image-level labels. A data info holds ``img_path``,
    ``num_classes``, ``label_map``, ``reduce_zero_label``, ``seg_fields`` and

    - ``img_label`` (list[int]): sorted ids of the foreground classes present; empty for a background image;
    - ``unknown_label`` (list[int]): sorted ids of the classes whose presence is unknown;
    - ``large_label``, ``small_label`` (list[int]): sorted ids of the classes with a size label, if there is any;
    - ``seg_map_path`` (str): only if ``data_prefix`` has ``seg_map_path``.

    The first two require labels. Training without masks requires labels. Masks are only opened by ``LoadAnnotations``
    in the pipeline. The mask of ``a/x.jpg`` is ``a/x.png``; that of each of two images ``x.jpg`` and ``x.png`` in one
    folder has the whole name, ``x.jpg.png`` and ``x.png.png``.

    ``metainfo=dict(classes=...)`` selects and orders the classes of labels, masks and palette; pixels of other classes
    become 255, labels of other classes are dropped. Class 0 is always ``background``.

    Args:
        ann_file: List of image names, one per line, with or without suffix. Without it, every labeled image, or,
            without labels, every image of the folder.
        label_file: The labels, relative to ``data_root``: a table, see :func:`~mmwsl.annotations.read_table`;
            subclasses read more formats. It must contain every image of ``ann_file``.
        label_cfg: Options of the table reader, e.g. ``dict(label_column='tags', separator=';')``.
        seg_map_classes: Names of the indices in the mask files; None means those of the dataset's own masks.
            Pseudo-labels hold the class ids of a model: give its classes.
        img_suffix: Suffix of the images, or several. None accepts any image.
        data_prefix: Folders ``img_path`` and ``seg_map_path``, relative to ``data_root``. The value None is the same
            as a missing key.
        filter_cfg: ``filter_empty_gt=True`` drops images without labels. ``exclude_file`` drops the images of a list,
            relative to ``data_root``, such as those in another part of a ``ConcatDataset``. ``max_labels=1`` keeps the
            images with at most one class, ``min_labels=2`` the others; see :func:`.curriculum.split_by_labels`.
            ``per_class=dict(count=100, seed=0)`` keeps so many random images of each class, and with ``rest=True`` the
            other images; see :func:`mmwsl.functional.per_class_split`.
        backend_args: File backend of lists, labels and images, see :mod:`mmengine.fileio`. Give the same to the
            loading transforms. None infers it from the paths.
        **kwargs: Passed to :class:`mmseg.datasets.BaseSegDataset`: ``metainfo``, ``data_root``, ``pipeline`` ...

    Raises:
        FileNotFoundError: If a file or folder, listed images, or masks that the pipeline opens are missing.
        ValueError: If classes, labels and lists are inconsistent.
    """

    SEG_MAP_CLASSES: Sequence[str] | None = None
    """Names of the indices in the dataset's mask files, if they differ from ``METAINFO['classes']``."""

    def __init__(
        self,
        ann_file: str = '',
        label_file: str = '',
        label_cfg: dict | None = None,
        seg_map_classes: Sequence[str] | None = None,
        img_suffix: str | Sequence[str] | None = '.jpg',
        data_prefix: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('reduce_zero_label'):
            raise ValueError('`reduce_zero_label=True` would ignore the background, which is class 0. Remove it.')
        self.label_file = label_file
        self.label_cfg = dict(label_cfg or {})
        self.seg_map_classes = seg_map_classes
        data_prefix = dict(img_path='') if data_prefix is None else data_prefix
        super().__init__(
            ann_file=ann_file,
            img_suffix=IMG_EXTENSIONS if img_suffix is None else img_suffix,
            data_prefix={key: prefix for key, prefix in data_prefix.items() if prefix is not None},
            **kwargs,
        )

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of the images in lower case."""
        suffixes = (self.img_suffix,) if isinstance(self.img_suffix, str) else self.img_suffix
        return tuple(suffix.lower() for suffix in suffixes)

    @property
    def lists_folder(self) -> bool:
        """Whether the labels are found with the images, so that every image of the folder has one."""
        return False

    @property
    def label_source(self) -> str:
        """Where the labels come from, for messages."""
        return f'label_file={self.label_file!r}'

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Map the indices in mask files to class ids; None if they are equal.

        Unlike the parent's, this is a method of the instance: the indices depend on ``seg_map_classes``.
        """
        new_classes = check_classes(new_classes, self._known_classes())
        old_classes = self.seg_map_classes or self.SEG_MAP_CLASSES or self.METAINFO.get('classes') or new_classes
        return map_classes(old_classes, new_classes, self.ignore_index)

    def load_data_list(self) -> Sequence[dict]:
        """Read the list and the labels, and check them against the folder. See the class for the keys.

        Returns:
            The data infos: a list for a subclass that overrides this method, which may change them; otherwise packed.
        """
        left_out = ('pipeline', 'data_list', '_records')
        options = [(name, value) for name, value in sorted(vars(self).items()) if name not in left_out]
        files = [self.label_file, self.ann_file]
        infos = share_rows(self._load_infos, self._info_format(), [type(self), options], files)
        return infos if type(self).load_data_list is ImageLabelDataset.load_data_list else list(infos)

    def _info_format(self) -> InfoFormat:
        return InfoFormat(
            image_folder=self.data_prefix['img_path'],
            mask_folder=self.data_prefix.get('seg_map_path'),
            mask_suffix=self.seg_map_suffix,
            suffixes=self.suffixes,
            num_classes=len(self._metainfo['classes']),
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
        )

    def _load_infos(self) -> PackedInfos:
        names = read_names(self.ann_file, self.backend_args) if self.ann_file else None
        records = self.read_records(names)
        table = None if records is None else LabelTable.of(records)
        if table is None and not self.test_mode and 'seg_map_path' not in self.data_prefix:
            raise ValueError(
                'training needs image-level labels or masks. Set `label_file`, or `data_prefix["seg_map_path"]` for '
                'full supervision.'
            )
        if table is not None and not table and names is None:
            raise ValueError(f'{self.label_source} is empty: no image is listed.')
        index = self._list_images(names, table)
        table_places = None if table is None else index.find(table.images)
        listed: Sequence[str]
        if names is not None:
            places, listed = index.find(names), names
        elif table is not None and table_places is not None:
            places, listed = table_places, table.images
        else:
            places, listed = np.arange(len(index.files), dtype=np.int32), index.files
        folder, listed_in = self.data_prefix['img_path'], f'ann_file={self.ann_file!r}'
        if not len(places):
            raise ValueError(
                f'no image with a suffix of {self.suffixes} in {folder!r}. '
                'Check `data_prefix["img_path"]` and `img_suffix`.'
            )
        check_images(listed, places, listed_in if self.ann_file else self.label_source, folder, self.suffixes)
        if table is None or table_places is None:
            return self._pack(index, places)
        rows = match_rows(names, places, table, table_places, listed_in, self.label_source)
        return self._pack(index, places, table, rows, f'{self.label_source} ({listed_in})')

    def _list_images(self, names: Sequence[str] | None, table: LabelTable | None) -> FileIndex:
        folder = self.data_prefix['img_path']
        if not can_list(folder, self.backend_args):
            return named_images(names or (table.images if table else ()), folder, self.suffixes)
        everything = list_files(folder, self.backend_args)
        listing = select_images(everything, self.suffixes, folder)
        if names is None and (table is None or self.lists_folder):
            warn_skipped(folder, everything, listing, self.suffixes, self.seg_map_suffix)
        return FileIndex(listing, self.suffixes)

    def _pack(
        self,
        index: FileIndex,
        places: np.ndarray,
        table: LabelTable | None = None,
        rows: np.ndarray | None = None,
        source: str = '',
    ) -> PackedInfos:
        """Pack the data infos of images of the folder, with the labels in rows of a table."""
        form = self._info_format()
        masks = {} if form.mask_folder is None else unusual_masks(index.files, form, self.backend_args)
        if table is None or rows is None:
            codes = np.zeros(len(places), np.int32)
            return PackedInfos.pack(form, index.files, places, [encode_labels(())], codes, masks.get)
        classes = self._metainfo['classes']
        labels = encode_kinds(table, rows, classes, (self._known_classes() or set(classes)) - {BACKGROUND})
        if not self.test_mode:
            warn_absent_classes(labels.values(), classes, source)
        encoded = [encode_labels(labels.get(code, ())) for code in range(len(table.kinds))]
        return PackedInfos.pack(form, index.files, places, encoded, table.codes[rows], masks.get)

    def read_records(self, names: list[str] | None) -> Sequence[ImageLabelRecord] | None:
        """Read the labels. Subclasses with another format override this method.

        Args:
            names: The listed images, or None for all. A reader may return more.

        Returns:
            One record per image; None without labels.
        """
        if not self.label_file:
            return None
        return read_table(self.label_file, backend_args=self.backend_args, **self.label_cfg)

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline. In training, None makes mmengine fetch another image.

        Raises:
            ValueError: If OpenCV cannot transform the image, or the pipeline returns None in test mode.
        """
        try:
            data = super().prepare_data(idx)
        except cv2.error as error:
            path = self.get_data_info(idx)['img_path']
            raise ValueError(
                f'image {path!r} cannot be transformed ({opencv_reason(error)}). Is it too small or too narrow? '
                'Replace the file, or remove it from the list.'
            ) from error
        if data is None and self.test_mode:
            raise ValueError(
                f'the pipeline returned nothing for image {self.get_data_info(idx)["img_path"]!r}, but a test must '
                "not skip images (`on_bad_image='skip'` is for training). Replace the file or remove it from the list."
            )
        return data

    def full_init(self) -> None:
        """Read the list, and check that the masks that the pipeline opens exist."""
        if self._fully_initialized:
            return
        super().full_init()
        loaders = [part for part in all_transforms(self.pipeline.transforms) if opens_masks(type(part))]
        folder = self.data_prefix.get('seg_map_path')
        if loaders:
            if folder is None:
                raise ValueError(
                    f'{type(loaders[0]).__name__} opens masks, but `data_prefix` has no `seg_map_path`. Set the folder '
                    'of the masks, or remove the transform.'
                )
            if not can_list(folder, self.backend_args):
                return
            infos = (self.get_data_info(index) for index in range(len(self)))
            listing = set(list_images(folder, (self.seg_map_suffix.lower(),), self.backend_args))
            check_masks((osp.relpath(info['seg_map_path'], folder) for info in infos), len(self), listing, folder)

    def filter_data(self) -> Sequence[dict]:
        """Apply ``filter_cfg``."""
        filter_cfg, excluded = dict(self.filter_cfg or {}), None
        if path := filter_cfg.get('exclude_file'):
            path = path if is_abs(path) or self.data_root is None else join_path(self.data_root, path)
            excluded = read_names(path, self.backend_args), path
        folder, classes = self.data_prefix.get('img_path', ''), self._metainfo['classes']
        return filter_infos(self.data_list, filter_cfg, excluded, folder, self.suffixes, classes)

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the ids of the classes present, for mmengine's ``ClassBalancedDataset``."""
        return self.get_data_info(idx).get('img_label', [])

    def _known_classes(self) -> set[str] | None:
        names = {*self.METAINFO.get('classes', ()), *(self.SEG_MAP_CLASSES or ())}
        return names or None

    def _join_prefix(self) -> None:
        super()._join_prefix()
        if self.label_file and not is_abs(self.label_file):
            self.label_file = join_path(self.data_root, self.label_file)

    def _update_palette(self) -> list[list[int]]:
        # the parent keeps the palette unchanged if the classes are only reordered, and draws a random one, background
        # included, if there is none
        palette = self._metainfo.get('palette')
        if palette is None:
            return voc_colormap(len(self._metainfo['classes']))
        own = self.METAINFO.get('palette')
        if palette != own:
            return super()._update_palette()
        colors = dict(zip(self.METAINFO['classes'], own, strict=True))
        return [colors[name] for name in self._metainfo['classes']]
