"""Load images as people have them: any mode, any orientation, some of them broken."""

import io
import logging
import warnings

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.logging import print_log
from PIL import Image, ImageOps

from mmwsl.registry import TRANSFORMS

IMAGENET_MEAN_COLOR = (124, 117, 104)
TRANSPARENT_MODES = ('RGBA', 'LA', 'PA', 'RGBa', 'La')


def decode_bgr(data: bytes, alpha_color: tuple[int, int, int] = IMAGENET_MEAN_COLOR) -> np.ndarray:
    """Decode an image file to BGR, right side up.

    Gray, palette, CMYK and other modes are converted. Transparent pixels are composited onto ``alpha_color``. The EXIF
    orientation is applied. Of an animation, the first frame is taken.

    Gray values of 16 or 32 bits are judged by the image, since Pillow opens one and the same 16-bit file with either
    width: values up to 255 stay as they are; else, up to 65535, ``v`` becomes ``v // 256``, with nothing stretched.

    Args:
        data (bytes): Content of the file.
        alpha_color (tuple[int, int, int]): RGB color behind transparent pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.

    Raises:
        Exception: Whatever Pillow raises for a file that it cannot read to the end, and ``ValueError`` for pixels
            whose range is not known: floating point numbers, and integers outside 0..65535.
    """
    with Image.open(io.BytesIO(data)) as file:
        file.load()
        image = ImageOps.exif_transpose(file)
    if image.mode == 'F':
        raise ValueError('pixels are floating point numbers of unknown range; save the image with 8 bits')
    if image.mode.startswith('I'):
        # convert('RGB') would clip at 255
        gray = np.asarray(image).astype(np.int64)
        low, high = gray.min(), gray.max()
        if low < 0 or high > 65535:
            raise ValueError(
                f'pixels are integers in {low}..{high}, a range without a known white; save the image with 8 bits'
            )
        if high > 255:
            gray //= 256
        return np.repeat(gray.astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode in TRANSPARENT_MODES or 'transparency' in image.info:
        layer = image.convert('RGBA')
        canvas = Image.new('RGBA', layer.size, (*alpha_color, 255))
        image = Image.alpha_composite(canvas, layer)
    return np.ascontiguousarray(np.asarray(image.convert('RGB'))[..., ::-1])


@TRANSFORMS.register_module()
class LoadImageAsBGR(LoadImageFromFile):
    """Load any image as three channels uint8 BGR, right side up, or say which file is broken.

    mmcv's ``LoadImageFromFile`` reads ordinary JPEG and PNG files just as well. This one differs for images of
    mixed origin: transparent pixels do not show the color hidden behind them, 16-bit and CMYK files are converted as
    :func:`decode_bgr` says, and a truncated file is an error (OpenCV fills the rest with gray) that names the file.
    ``ori_shape`` is the shape of the upright image.

    Required Keys:

    - img_path

    Added Keys:

    - img
    - img_shape
    - ori_shape

    Args:
        to_float32 (bool): Whether to convert the image to float32. Defaults to False.
        on_bad_image (str): ``'error'``, or ``'skip'``: return None, so that the dataset fetches another image
            instead (at most ``max_refetch`` times in a row). Each file is reported once by each worker, as a warning
            and in the run's log, with the number of files that the worker has skipped so far. A dataset in test mode
            does not skip: it raises an error that names the file. Defaults to 'error'.
        alpha_color (tuple[int, int, int]): RGB color behind transparent pixels. Defaults to (124, 117, 104), the
            ImageNet mean, as in mmcv's Pillow backend: about zero after normalization.
        backend_args (dict, optional): See mmcv's ``LoadImageFromFile``.

    Raises:
        ValueError: An image cannot be read, with ``on_bad_image='error'``.
    """

    def __init__(
        self,
        to_float32: bool = False,
        on_bad_image: str = 'error',
        alpha_color: tuple[int, int, int] = IMAGENET_MEAN_COLOR,
        *,
        backend_args: dict | None = None,
    ) -> None:
        if on_bad_image not in ('error', 'skip'):
            raise ValueError(f"`on_bad_image` must be 'error' or 'skip', but got {on_bad_image!r}.")
        super().__init__(to_float32=to_float32, imdecode_backend='pillow', backend_args=backend_args)
        self.on_bad_image = on_bad_image
        self.alpha_color = tuple(alpha_color)
        self.skipped: set[str] = set()

    def transform(self, results: dict) -> dict | None:
        """Load the image; None for a bad one with ``on_bad_image='skip'``."""
        path = results['img_path']
        try:
            img = decode_bgr(fileio.get(path, backend_args=self.backend_args), self.alpha_color)
        except Exception as error:  # Pillow's plugins raise many types on broken data
            if self.on_bad_image == 'error':
                raise ValueError(
                    f'image {path!r} cannot be read ({type(error).__name__}: {error}). Replace the '
                    "file, remove it from the list, or train with `on_bad_image='skip'`."
                ) from error
            self._report(path, error)
            return None
        if self.to_float32:
            img = img.astype(np.float32)
        results['img'] = img
        results['img_shape'] = img.shape[:2]
        results['ori_shape'] = img.shape[:2]
        return results

    def _report(self, path: str, error: Exception) -> None:
        if path not in self.skipped:
            self.skipped.add(path)
            message = (
                f'skipped image {path!r}, which cannot be read ({type(error).__name__}: {error}); '
                f'{len(self.skipped)} skipped by this worker so far'
            )
            print_log(message, 'current', logging.WARNING)
            # the logger of another process than the first may be silent
            warnings.warn(message, stacklevel=2)

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(to_float32={self.to_float32}, on_bad_image={self.on_bad_image!r}, '
            f'alpha_color={self.alpha_color}, backend_args={self.backend_args})'
        )
