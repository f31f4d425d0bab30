"""Pack an image with its image-level labels and with what post-processing asks for."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import LabelData, PixelData
from mmseg.datasets.transforms import PackSegInputs

from mmwsl.registry import TRANSFORMS

BACKGROUND_RULES = ('exclusive', 'always', 'unknown')


def multi_hot_labels(
    present: Sequence[int], unknown: Sequence[int], num_classes: int, background: str = 'exclusive'
) -> np.ndarray:
    """Score each class 1 (present), 0 (absent) or -1 (unknown).

    Class 0, the background, is never tagged. The rule ``background`` scores it:

    - ``'exclusive'``: 1 for an image without foreground, else 0: one of ``num_classes`` kinds of image, as in
      Pinheiro & Collobert (CVPR 2015). An image with no tag but unknown ones scores -1.
    - ``'always'``: 1, since nearly every image shows some background.
    - ``'unknown'``: -1, no loss on it.

    Args:
        present (Sequence[int]): Ids of the foreground classes present.
        unknown (Sequence[int]): Ids of the foreground classes whose presence is unknown.
        num_classes (int): Number of classes with background.
        background (str): The rule.

    Returns:
        np.ndarray: (num_classes,) float32.

    Raises:
        ValueError: An id is not a foreground class.
    """
    wrong = [label for label in (*present, *unknown) if not 0 < label < num_classes]
    if wrong:
        raise ValueError(
            f'labels {wrong} are not ids of a foreground class, 1 to {num_classes - 1}; background (0) is never tagged.'
        )
    score = np.zeros(num_classes, dtype=np.float32)
    score[list(unknown)] = -1
    score[list(present)] = 1
    if background == 'always':
        score[0] = 1
    elif background == 'unknown':
        score[0] = -1
    elif not present:
        score[0] = -1 if len(unknown) else 1
    return score


@TRANSFORMS.register_module()
class PackSegInputsWithMaps(PackSegInputs):
    """Pack the inputs as ``PackSegInputs`` does, and the maps that post-processing asks for, where there are any.

    Required Keys:

    - those of ``PackSegInputs``
    - ori_img, superpixels, objectness, saliency (each optional)

    Added Keys:

    - inputs
    - data_samples, with the fields ``image``, (3, H, W) uint8, ``superpixels``, (1, H, W) int64, ``objectness`` and
      ``saliency``, (1, H, W) float32, all at the original image size
    """

    def transform(self, results: dict) -> dict:
        """Pack image, masks if any, and maps."""
        packed = super().transform(results)
        for key, field in dict(
            ori_img='image', superpixels='superpixels', objectness='objectness', saliency='saliency'
        ).items():
            if key in results:
                data = torch.from_numpy(np.ascontiguousarray(results[key]))
                data = data.permute(2, 0, 1) if key == 'ori_img' else data[None]
                packed['data_samples'].set_field(PixelData(data=data.contiguous()), field, dtype=PixelData)
        return packed


@TRANSFORMS.register_module()
class PackImageLabelInputs(PackSegInputsWithMaps):
    """Pack the inputs as :class:`PackSegInputsWithMaps` does, and the tags as ``data_samples.gt_label``.

    ``gt_label`` is a ``LabelData`` with ``label``, the (n,) int64 ids of the foreground classes present, and
    ``score``, (num_classes,) float32 with 1 present, 0 absent and -1 unknown. Where sizes are tagged, it also has
    ``size``, (num_classes,) float32 with 1 large, 0 small and -1 not known. An image without tags, such as a new one
    to predict, has no ``gt_label``; a training on tags says so.

    Required Keys:

    - img
    - img_label, with num_classes (optional)
    - unknown_label, large_label, small_label (each optional)
    - those of :class:`PackSegInputsWithMaps`

    Added Keys:

    - inputs
    - data_samples

    Args:
        background (str): How to score class 0, see :func:`multi_hot_labels`. Defaults to 'exclusive'.
        **kwargs: See ``PackSegInputs``: ``meta_keys``.
    """

    def __init__(self, background: str = 'exclusive', **kwargs) -> None:
        if background not in BACKGROUND_RULES:
            raise ValueError(f'`background` must be one of {BACKGROUND_RULES}, but got {background!r}.')
        super().__init__(**kwargs)
        self.background = background

    def transform(self, results: dict) -> dict:
        """Pack image, masks and tags, if any."""
        packed = super().transform(results)
        if 'img_label' not in results:
            return packed
        present = results['img_label']
        score = multi_hot_labels(present, results.get('unknown_label', ()), results['num_classes'], self.background)
        packed['data_samples'].gt_label = LabelData(
            label=torch.tensor(present, dtype=torch.int64), score=torch.from_numpy(score)
        )
        if 'large_label' in results:
            size = torch.full((results['num_classes'],), -1.0)
            size[results['large_label']] = 1
            size[results['small_label']] = 0
            packed['data_samples'].gt_label.size = size
        return packed

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(background={self.background!r}, meta_keys={self.meta_keys})'
