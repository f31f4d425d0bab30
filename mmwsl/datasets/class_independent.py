"""Masks of some classes as masks of "any object", for class-independent proposals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmwsl.registry import DATASETS
from mmwsl.utils.text import check_choice

from .classes import BACKGROUND, VOC_CLASSES
from .image_label import ImageLabelDataset

OBJECT = 'object'


@DATASETS.register_module()
class ClassIndependentMasks(ImageLabelDataset):
    """Masks of two classes, background and object, made from the masks of some classes.

    Proposals that are trained on masks must be tested on classes without a mask in the training. The pixels of every
    class that is neither background nor one of ``object_classes`` become 255 (ignored). An image that shows such a
    class stays in the dataset, with these pixels ignored. A loss must leave them out: mmseg's ``DiceLoss`` does not.

    Args:
        object_classes: Classes that become the object.
        seg_map_classes: Names of the indices in the mask files, background among them.
        shuffle_seed: If given, each image gets the mask of another image, drawn with this random seed: a negative
            control. Resize without ``keep_ratio``, as the sizes of both may differ.
        **kwargs: Passed to :class:`ImageLabelDataset`, without ``label_file`` and ``metainfo``.

    Raises:
        ValueError: If ``object_classes`` is empty, or names no foreground class of the masks.
    """

    METAINFO = dict(classes=(BACKGROUND, OBJECT), palette=[[0, 0, 0], [255, 255, 255]])

    def __init__(
        self,
        object_classes: Sequence[str],
        seg_map_classes: Sequence[str] = VOC_CLASSES,
        shuffle_seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not object_classes or isinstance(object_classes, str):
            raise ValueError(f'`object_classes` must be a list of one or more classes, got {object_classes!r}.')
        for name in object_classes:
            check_choice('object_classes', name, [known for known in seg_map_classes if known != BACKGROUND])
        self.shuffle_seed = shuffle_seed
        names = {name: OBJECT for name in object_classes} | {BACKGROUND: BACKGROUND}
        super().__init__(seg_map_classes=[names.get(name, f'ignored {name}') for name in seg_map_classes], **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the list, and shuffle the masks if asked to."""
        data_list = list(super().load_data_list())
        if self.shuffle_seed is not None:
            # one cycle through all images: none keeps its mask
            order = np.random.default_rng(self.shuffle_seed).permutation(len(data_list))
            masks = [data_list[index]['seg_map_path'] for index in order]
            for index, mask in zip(np.roll(order, 1), masks, strict=True):
                data_list[index]['seg_map_path'] = mask
        return data_list
