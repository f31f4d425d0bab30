"""Class-independent saliency of images, without training."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage.color import rgb2lab

from mmwsl.functional import calibrate_saliency, frequency_tuned_saliency, geodesic_saliency, superpixel_graph
from mmwsl.registry import TRANSFORMS
from mmwsl.utils.files import atomic_write
from mmwsl.utils.images import read_image
from mmwsl.utils.text import check_choice

from .maps import check_map_key
from .superpixels import ComputeSuperpixels

DIGEST = 'mmwsl image'
"""Text in a stored map with the digest of the pixels of its image: two images may share a name."""
METHODS = ('frequency_tuned', 'geodesic')
SUPERPIXELS = dict(method='slic', n_segments=200)


@TRANSFORMS.register_module()
class ComputeSaliency(BaseTransform):
    """Compute the saliency of an image from its colors; no mask and no label is used.

    See :func:`mmwsl.functional.frequency_tuned_saliency` and :func:`mmwsl.functional.geodesic_saliency`. For training,
    place it before a :class:`TransformWithMaps` that contains ``Resize`` and augmentation. Values are multiples of
    1 / 255.

    Required Keys:

    - img (np.uint8, BGR)
    - img_path (with ``folder``)

    Added Keys:

    - ``key``, (H, W) float32 in [0, 1]

    Args:
        method: ``'frequency_tuned'`` or ``'geodesic'``.
        superpixels: Arguments of :class:`ComputeSuperpixels`, for ``'geodesic'``.
        folder: Folder in which the maps are stored, as 8-bit PNG files in a subfolder for these arguments. A stored map
            is read instead of computed if it holds the digest of the same pixels. None stores nothing.
        key: Name of the map, 'objectness' or 'saliency'.

    Raises:
        ValueError: If the method is unknown, or an image is not (H, W, 3) uint8.
    """

    def __init__(
        self,
        method: str = 'geodesic',
        superpixels: dict | None = None,
        folder: str | None = None,
        key: str = 'saliency',
    ) -> None:
        check_choice('method', method, METHODS)
        check_map_key(key)
        self.method, self.key = method, key
        self.superpixels = ComputeSuperpixels(**(superpixels or SUPERPIXELS)) if method == 'geodesic' else None
        self.folder = None
        if folder is not None:
            digest = hashlib.blake2b(repr(self.superpixels).encode(), digest_size=4).hexdigest()
            self.folder = Path(folder, f'{method}_{digest}')

    def transform(self, results: dict) -> dict:
        """Add the map."""
        img = results['img']
        if img.ndim != 3 or img.shape[2] != 3 or img.dtype != np.uint8:
            raise ValueError(
                f'`img` must be (H, W, 3) uint8, got {img.shape} {img.dtype}. Use mmwsl.LoadImageAsBGR, and place '
                'ComputeSaliency right after it.'
            )
        path = None if self.folder is None else self.folder / f'{Path(results["img_path"]).stem}.png'
        digest = hashlib.blake2b(np.ascontiguousarray(img).data, digest_size=16).hexdigest()
        codes = None if path is None else self._stored(path, digest)
        if codes is None:
            codes = np.rint(255 * self._compute(img)).astype(np.uint8)
            if path is not None:
                text = PngInfo()
                text.add_text(DIGEST, digest)
                with atomic_write(path) as file:
                    Image.fromarray(codes).save(file, 'PNG', pnginfo=text)
        # Also where it was just computed: the result does not depend on what is stored.
        results[self.key] = codes.astype(np.float32) / 255
        return results

    @staticmethod
    def _stored(path: Path, digest: str) -> np.ndarray | None:
        try:
            file = read_image(path)
        except (FileNotFoundError, ValueError):  # missing or damaged: computed again
            return None
        return np.asarray(file) if file.info.get(DIGEST) == digest else None

    def _compute(self, img: np.ndarray) -> np.ndarray:
        lab = torch.from_numpy(rgb2lab(img[..., ::-1]).astype(np.float32)).permute(2, 0, 1)
        if self.superpixels is None:
            return frequency_tuned_saliency(lab).numpy()
        ids = torch.from_numpy(self.superpixels(dict(img=img))['superpixels'])
        _, members, sizes = ids.unique(return_inverse=True, return_counts=True)
        sums = lab.new_zeros(len(sizes), 3).index_add_(0, members.flatten(), lab.flatten(1).T)
        border = torch.zeros(len(sizes), dtype=torch.bool)
        for side in (members[0], members[-1], members[:, 0], members[:, -1]):
            border[side] = True
        saliency = geodesic_saliency(sums / sizes[:, None], superpixel_graph(members)[0], border)
        return saliency[members].numpy()

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(method={self.method!r}, superpixels={self.superpixels!r}, '
            f'folder={self.folder}, key={self.key!r})'
        )


@TRANSFORMS.register_module()
class CalibrateSaliency(BaseTransform):
    """Scale a map for use as a soft label: its adaptive threshold becomes 0.5, without masks.

    See :func:`mmwsl.functional.calibrate_saliency`. Place it after the map is computed or loaded.

    Modified Keys:

    - ``key``, (H, W) float32 in [0, 1]

    Args:
        key: Name of the map, 'objectness' or 'saliency'.
    """

    def __init__(self, key: str = 'saliency') -> None:
        check_map_key(key)
        self.key = key

    def transform(self, results: dict) -> dict:
        """Scale the map."""
        results[self.key] = calibrate_saliency(torch.from_numpy(results[self.key])).numpy()
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(key={self.key!r})'
