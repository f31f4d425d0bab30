"""Loading of images of any mode and orientation, with an error for damaged files."""

import logging
import warnings

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.logging import print_log

from mmwsl.registry import TRANSFORMS
from mmwsl.utils.images import IMAGENET_MEAN_COLOR, decode_bgr
from mmwsl.utils.text import check_choice


class BadImageError(ValueError):
    """Error: an image cannot be read.

    Args:
        message: The message, with advice for a training.
        reason: Why it cannot be read, without the advice.
    """

    def __init__(self, message: str, reason: str = '') -> None:
        super().__init__(message)
        self.reason = reason


@TRANSFORMS.register_module()
class LoadImageAsBGR(LoadImageFromFile):
    """Load any image as upright BGR with three uint8 channels, or raise an error that names the damaged file.

    mmcv's ``LoadImageFromFile`` is equivalent for ordinary JPEG and PNG files. This transform also handles images of
    mixed origin: transparent pixels hide the color behind them, 16-bit and CMYK files are converted by
    :func:`~mmwsl.utils.images.decode_bgr`, and a truncated file is an error (OpenCV fills its missing part with gray).
    ``ori_shape`` is the shape of the upright image.

    Required Keys:

    - img_path
    - img_bytes (content of the file, optional: otherwise it is read)

    Added Keys:

    - img
    - img_shape
    - ori_shape

    Args:
        to_float32: Whether to convert the image to float32.
        on_bad_image: ``'error'``, or ``'skip'``: return None, so that the dataset fetches another image (at most
            ``max_refetch`` times in a row). Each worker reports each file once, as a warning and in the run's log,
            with the number of files skipped so far. A dataset in test mode does not skip: it raises an error that
            names the file.
        alpha_color: RGB color behind transparent pixels. The default is the ImageNet mean, as in mmcv's Pillow
            backend: about zero after normalization.
        backend_args: See mmcv's ``LoadImageFromFile``.

    Raises:
        BadImageError: If an image cannot be read, with ``on_bad_image='error'``.
    """

    def __init__(
        self,
        to_float32: bool = False,
        on_bad_image: str = 'error',
        alpha_color: tuple[int, int, int] = IMAGENET_MEAN_COLOR,
        *,
        backend_args: dict | None = None,
    ) -> None:
        check_choice('on_bad_image', on_bad_image, ('error', 'skip'))
        super().__init__(to_float32=to_float32, imdecode_backend='pillow', backend_args=backend_args)
        self.on_bad_image = on_bad_image
        self.alpha_color = (alpha_color[0], alpha_color[1], alpha_color[2])
        self.skipped: set[str] = set()

    def transform(self, results: dict) -> dict | None:
        """Load the image; return None for a damaged one with ``on_bad_image='skip'``."""
        path = results['img_path']
        try:
            content = results.pop('img_bytes', None)
            if content is None:
                content = fileio.get(path, backend_args=self.backend_args)
            img = decode_bgr(content, self.alpha_color)
        except PermissionError:
            raise
        except Exception as error:  # Pillow's plugins raise many types on broken data
            if self.on_bad_image == 'error':
                raise BadImageError(
                    f'image {path!r} cannot be read ({type(error).__name__}: {error}). Replace the file, remove it '
                    "from the list, or set `on_bad_image='skip'` of LoadImageAsBGR in the training pipeline.",
                    f'cannot be read ({type(error).__name__}: {error})',
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
                f'{len(self.skipped)} skipped by this worker so far.'
            )
            print_log(message, 'current', logging.WARNING)
            # only the logger of the first process is always active
            warnings.warn(message, stacklevel=2)

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(to_float32={self.to_float32}, on_bad_image={self.on_bad_image!r}, '
            f'alpha_color={self.alpha_color}, backend_args={self.backend_args})'
        )
