"""The base of the datasets with image-level labels."""

import os.path as osp
import warnings
from collections.abc import Sequence

from mmengine.fileio import join_path
from mmengine.utils import is_abs
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations

from mmwsl.annotations import ImageLabelRecord, read_table

from .classes import BACKGROUND, voc_colormap
from .images import IMG_EXTENSIONS, first_five, list_images, locate, read_names, stem
from .vocabulary import check_classes, encode


class ImageLabelDataset(BaseSegDataset):
    """Images with image-level labels, and with masks where ``data_prefix`` has ``seg_map_path``.

    It differs from :class:`mmseg.datasets.BaseSegDataset` in what it knows of an image. A data info holds
    ``img_path``, ``num_classes``, ``label_map``, ``reduce_zero_label``, ``seg_fields`` and

    - ``img_label`` (list[int]): sorted ids of the foreground classes present; empty for a background image;
    - ``unknown_label`` (list[int]): sorted ids of the classes whose presence is unknown;
    - ``large_label``, ``small_label`` (list[int]): sorted ids of the classes whose size is tagged; only if one is;
    - ``seg_map_path`` (str): only if ``data_prefix`` has ``seg_map_path``.

    The first two are there when tags are. Tags are required to train without masks. No mask is opened here: only
    ``LoadAnnotations`` in the pipeline does that.

    ``metainfo=dict(classes=...)`` restricts and reorders the classes of tags, masks and palette alike; pixels of a
    class left out become 255, tags of it are dropped. Class 0 is always ``background``.

    Args:
        ann_file (str): List of image names, one per line, with or without suffix. Defaults to '': every image of
            the tags, or, without tags, every image of the folder.
        label_file (str): The tags, relative to ``data_root``: a table, see :func:`~mmwsl.annotations.read_table`; subclasses
            read more formats. Every image of ``ann_file`` must be in it. Defaults to '', no tags.
        label_cfg (dict, optional): Options of the table reader, e.g. ``dict(label_column='tags', separator=';')``.
        seg_map_classes (Sequence[str], optional): Names of the indices in the mask files. Defaults to None, those
            of the dataset's own masks. Pseudo-labels are written with the ids of a model: give its classes.
        img_suffix (str | Sequence[str], optional): Suffix of the images, or several. Defaults to '.jpg'. None is
            any image.
        data_prefix (dict, optional): Folders ``img_path`` and ``seg_map_path``, relative to ``data_root``. None as
            a value is the same as no key. Defaults to ``dict(img_path='')``.
        filter_cfg (dict, optional): ``filter_empty_gt=True`` drops images without a tag; ``exclude_file`` drops
            those of a list, relative to ``data_root``, such as those that another part of a ``ConcatDataset`` has.
        backend_args (dict, optional): Where lists, tags and images are read from, see :mod:`mmengine.fileio`. Give
            the same to the loading transforms. Defaults to None, by the form of the paths.
        **kwargs: See :class:`mmseg.datasets.BaseSegDataset`: ``metainfo``, ``data_root``, ``pipeline`` ...

    Raises:
        FileNotFoundError: A file or folder is missing, or images listed are, or masks that the pipeline opens
            (count and first five).
        ValueError: Classes, tags, or the lists do not fit together.
    """

    SEG_MAP_CLASSES: Sequence[str] | None = None
    """Names of the indices in the dataset's mask files, where they differ from ``METAINFO['classes']``."""

    def __init__(
        self,
        ann_file: str = '',
        label_file: str = '',
        label_cfg: dict | None = None,
        seg_map_classes: Sequence[str] | None = None,
        img_suffix: str | Sequence[str] | None = '.jpg',
        data_prefix: dict | None = None,
        **kwargs,
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

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """Map the indices in mask files to class ids; None where they are equal.

        Unlike the parent's, a method of the instance: the indices depend on ``seg_map_classes``.
        """
        check_classes(new_classes, self._known_classes())
        old_classes = self.seg_map_classes or self.SEG_MAP_CLASSES or self.METAINFO.get('classes') or new_classes
        lacking = [name for name in new_classes if name not in old_classes]
        if lacking:
            raise ValueError(
                f'the mask files have no index for {lacking}: their indices are {list(old_classes)}. '
                'Correct `metainfo["classes"]` or `seg_map_classes`.'
            )
        if list(old_classes) == list(new_classes):
            return None
        ids = {name: index for index, name in enumerate(new_classes)}
        return {index: ids.get(name, self.ignore_index) for index, name in enumerate(old_classes)}

    def load_data_list(self) -> list[dict]:
        """Read the list and the tags, and check them against the folder. See the class for the keys."""
        names = read_names(self.ann_file, self.backend_args) if self.ann_file else None
        records = self.read_records(names)
        if records is None and not self.test_mode and 'seg_map_path' not in self.data_prefix:
            raise ValueError(
                'training needs tags or masks: give `label_file` (or `data_prefix["seg_map_path"]` '
                'for full supervision).'
            )
        if records is not None and not records and names is None:
            raise ValueError(f'{self._tag_source()} is empty: no image is listed.')
        listing = list_images(self.data_prefix['img_path'], self._suffixes(), self.backend_args)
        if names is None:
            names = listing if records is None else [record.image for record in records]
        if not names:
            raise ValueError(
                f'no image with a suffix of {self._suffixes()} in {self.data_prefix["img_path"]!r}. '
                'Check `data_prefix["img_path"]` and `img_suffix`.'
            )
        files = locate({*names, *(record.image for record in records or ())}, listing, self._suffixes())
        self._check_present(names, files)
        data_list = [self._data_info(files[name]) for name in names]
        if records is not None:
            self._add_tags(data_list, self._match(names, records, files))
        return data_list

    def read_records(self, names: list[str] | None) -> list[ImageLabelRecord] | None:
        """Read the tags; the method that subclasses with another format override.

        Args:
            names (list[str], optional): The images wanted. A reader may return more; None means all.

        Returns:
            list[ImageLabelRecord] | None: One record per image; None without tags.
        """
        if not self.label_file:
            return None
        return read_table(self.label_file, backend_args=self.backend_args, **self.label_cfg)

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline; None makes mmengine fetch another image, in training only.

        Raises:
            ValueError: In test mode, the pipeline returns None.
        """
        data = super().prepare_data(idx)
        if data is None and self.test_mode:
            raise ValueError(
                f'the pipeline returned nothing for image {self.get_data_info(idx)["img_path"]!r}. A '
                "test leaves no image out: `on_bad_image='skip'` is for training only. Replace the file "
                'or remove it from the list.'
            )
        return data

    def full_init(self) -> None:
        """Read the list, and check that the masks that the pipeline opens are there."""
        if self._fully_initialized:
            return
        super().full_init()
        if any(isinstance(step, LoadAnnotations) for step in self.pipeline.transforms):
            self._check_masks([self.get_data_info(index) for index in range(len(self))])

    def filter_data(self) -> list[dict]:
        """Apply ``filter_cfg``."""
        filter_cfg = self.filter_cfg or {}
        kept = self.data_list
        if filter_cfg.get('exclude_file'):
            kept = self._exclude(kept, filter_cfg['exclude_file'])
        if filter_cfg.get('filter_empty_gt'):
            kept = [info for info in kept if info.get('img_label')]
            if not kept:
                raise ValueError(
                    '`filter_cfg=dict(filter_empty_gt=True)` leaves no image: none has a tag of '
                    f'{list(self._metainfo["classes"][1:])}.'
                )
        return kept

    def get_cat_ids(self, idx: int) -> list[int]:
        """Ids of the classes present, as mmengine's ``ClassBalancedDataset`` asks for them."""
        return self.get_data_info(idx).get('img_label', [])

    def _exclude(self, data_list: list[dict], path: str) -> list[dict]:
        path = path if is_abs(path) or self.data_root is None else join_path(self.data_root, path)
        folder = self.data_prefix['img_path']
        excluded = {stem(name, self._suffixes()) for name in read_names(path, self.backend_args)}
        kept = [
            info for info in data_list if stem(osp.relpath(info['img_path'], folder), self._suffixes()) not in excluded
        ]
        if not 0 < len(kept) < len(data_list):
            raise ValueError(
                f'`filter_cfg=dict(exclude_file={path!r})` leaves {len(kept)} of {len(data_list)} '
                'images: the list should name some of them, as `ann_file` does.'
            )
        return kept

    def _known_classes(self) -> set[str] | None:
        names = {*self.METAINFO.get('classes', ()), *(self.SEG_MAP_CLASSES or ())}
        return names or None

    def _suffixes(self) -> tuple[str, ...]:
        suffixes = (self.img_suffix,) if isinstance(self.img_suffix, str) else self.img_suffix
        return tuple(suffix.lower() for suffix in suffixes)

    def _tag_source(self) -> str:
        return f'label_file={self.label_file!r}'

    def _join_prefix(self) -> None:
        super()._join_prefix()
        if self.label_file and not is_abs(self.label_file):
            self.label_file = join_path(self.data_root, self.label_file)

    def _update_palette(self) -> list:
        # the parent keeps the palette as it is when the classes are reordered without dropping one, and draws
        # a random one where there is none, background included
        palette = self._metainfo.get('palette')
        if palette is None:
            return voc_colormap(len(self._metainfo['classes']))
        own = self.METAINFO.get('palette')
        if palette != own:
            return super()._update_palette()
        colors = dict(zip(self.METAINFO['classes'], own, strict=True))
        return [colors[name] for name in self._metainfo['classes']]

    def _check_present(self, names: list[str], files: dict[str, str]) -> None:
        missing = [name for name in names if name not in files]
        if missing:
            listed = f'ann_file={self.ann_file!r}' if self.ann_file else self._tag_source()
            raise FileNotFoundError(
                f'{len(missing)} of the {len(names)} images of {listed} are not in '
                f'{self.data_prefix["img_path"]!r} with a suffix of {self._suffixes()}: {first_five(missing)}. '
                'Check `data_prefix["img_path"]` and `img_suffix`, or remove them from the list.'
            )

    def _check_masks(self, data_list: list[dict]) -> None:
        folder = self.data_prefix.get('seg_map_path')
        if folder is None:
            raise ValueError(
                'LoadAnnotations opens masks, but `data_prefix` has no `seg_map_path`: name the folder of '
                'the masks, or take the step out of the pipeline.'
            )
        there = set(list_images(folder, (self.seg_map_suffix.lower(),), self.backend_args))
        missing = [
            name
            for name in (osp.relpath(info['seg_map_path'], folder) for info in data_list)
            if name.replace('\\', '/') not in there
        ]
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} of the {len(data_list)} masks that LoadAnnotations opens are not in {folder!r}: '
                f'{first_five(missing)}. Check `data_prefix["seg_map_path"]` and `seg_map_suffix`, or the list.'
            )

    def _match(
        self, names: list[str], records: list[ImageLabelRecord], files: dict[str, str]
    ) -> list[ImageLabelRecord]:
        # a list may say "a" where the table says "a.jpg": the file they mean is the common key
        by_file: dict[str, ImageLabelRecord] = {}
        for record in records:
            file = files.get(record.image, record.image)
            if file in by_file:
                raise ValueError(
                    f'{record.source}: image {record.image!r} has tags twice '
                    f'(first at {by_file[file].source}). Keep one row per image.'
                )
            by_file[file] = record
        untagged = [name for name in names if files[name] not in by_file]
        if untagged:
            raise ValueError(
                f'{len(untagged)} of the {len(names)} images of ann_file={self.ann_file!r} have no '
                f'tags in {self._tag_source()}: {first_five(untagged)}. Add them (an image without '
                'labels is a background image), or remove them from the list.'
            )
        return [by_file[files[name]] for name in names]

    def _data_info(self, file: str) -> dict:
        info = dict(
            img_path=osp.join(self.data_prefix['img_path'], file),
            num_classes=len(self._metainfo['classes']),
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
        )
        if 'seg_map_path' in self.data_prefix:
            info['seg_map_path'] = osp.join(
                self.data_prefix['seg_map_path'], stem(file, self._suffixes()) + self.seg_map_suffix
            )
        return info

    def _add_tags(self, data_list: list[dict], records: list[ImageLabelRecord]) -> None:
        classes = self._metainfo['classes']
        known = self._known_classes() or set(classes)
        for info, record in zip(data_list, records, strict=True):
            info['img_label'], info['unknown_label'] = encode(record, classes, known - {BACKGROUND})
            if record.large or record.small:
                for key, names in (('large_label', record.large), ('small_label', record.small)):
                    info[key] = [label for label in info['img_label'] if classes[label] in names]
        seen = {label for info in data_list for label in info['img_label']}
        unseen = [name for label, name in enumerate(classes) if label > 0 and label not in seen]
        if unseen and not self.test_mode:
            remark = (
                f'a tag of {", ".join(unseen)}: these classes will not be learned. Check the spelling of the '
                'tags, or leave them out of `metainfo["classes"]`.'
            )
            if not any(info['img_label'] or info['unknown_label'] for info in data_list):
                remark = (
                    f'any tag of the {len(unseen)} classes: all are background images. That is fine for one '
                    'part of a `ConcatDataset`; by themselves they teach no class. If they should have tags, '
                    'check the column of the labels.'
                )
            warnings.warn(f'no image of {self._tag_source()} (ann_file={self.ann_file!r}) has {remark}', stacklevel=2)
