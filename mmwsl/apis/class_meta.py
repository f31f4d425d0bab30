"""Names and colors of the classes of an inferencer: given, or those of the config and of the checkpoint."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.config import Config

from mmwsl.apis.trained_model import find_dataset_meta
from mmwsl.datasets.classes import voc_colormap
from mmwsl.utils.text import shorten


def class_meta(
    cfg: Config,
    recorded: dict[str, Any],
    classes: Sequence[str] | None,
    palette: Sequence[Sequence[int]] | None,
    num_classes: int | None,
) -> dict[str, Any]:
    """Return ``classes`` and ``palette``, each as it is given, or else found.

    Args:
        cfg: The config.
        recorded: ``dataset_meta`` of the checkpoint.
        classes: Names of the classes.
        palette: RGB color of each class.
        num_classes: Number of classes of the network, if known.

    Raises:
        ValueError: If they are not different names and colors, one for each class of the network.
    """
    if classes is None:
        meta = find_dataset_meta(cfg, recorded, num_classes)
    else:
        meta = dict(classes=check_names(classes), palette=None)
    count = num_classes or len(meta['classes'])
    if len(meta['classes']) != count:
        raise ValueError(f'`classes` must be the {count} classes of the network, got {len(meta["classes"])}.')
    colors = meta['palette'] if palette is None else palette
    return dict(meta, palette=voc_colormap(count) if colors is None else check_palette(colors, count))


def check_names(classes: Sequence[str]) -> list[str]:
    """Return the names of classes as a list.

    Raises:
        ValueError: If they are not a list of different names.
    """
    names = [] if isinstance(classes, str) or not isinstance(classes, Sequence | np.ndarray) else list(classes)
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise ValueError(f'`classes` must be a list of different names, got {shorten(classes)}.')
    return [str(name) for name in names]


def check_palette(palette: Sequence[Sequence[int]], count: int) -> list[list[int]]:
    """Return the colors of classes as lists of integers.

    Raises:
        ValueError: If they are not one RGB color for each of ``count`` classes.
    """
    try:
        colors = np.asarray(palette)
    except ValueError:  # colors of different lengths
        colors = np.empty(0)
    wrong = colors.dtype.kind not in 'iu' or colors.shape != (count, 3)
    if wrong or colors.min() < 0 or colors.max() > 255:
        raise ValueError(
            f'`palette` must be an RGB color of three integers in [0, 255] for each of the {count} classes, got '
            f'{shorten(palette)}.'
        )
    found: list[list[int]] = colors.tolist()
    return found
