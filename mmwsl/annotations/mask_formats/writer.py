"""Base of the writers of masks: one output per image, and a manifest."""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain, count
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import ClassVar

import numpy as np

from mmwsl.annotations.mask_file import IGNORE_COLOR, IGNORE_INDEX
from mmwsl.utils.files import is_inside, write_json

MANIFEST = 'manifest.json'


class MaskWriter:
    """Context manager that writes the masks of a folder of images in one format.

    Masks are written as they come and are not kept in memory. When the context ends without an error,
    ``manifest.json`` maps every image to its output; otherwise files that hold several masks are not written.

    Args:
        folder: The folder of the outputs; it is created.
        classes: Class names, background first.
        palette: RGB color of each class.

    Attributes:
        output: The file or folder to open.

    Raises:
        ValueError: If there are not 2 to 255 classes, or not one color per class.
    """

    needs_image: ClassVar[bool] = False
    """Whether ``write`` needs the image."""
    unique_colors: ClassVar[bool] = False
    """Whether a reader tells the classes apart by their colors."""

    def __init__(self, folder: str | Path, classes: Sequence[str], palette: Sequence[Sequence[int]]) -> None:
        if not 2 <= len(classes) <= IGNORE_INDEX:
            raise ValueError(f'`classes` must be 2 to {IGNORE_INDEX} names, background first, got {len(classes)}.')
        if len(palette) != len(classes):
            raise ValueError(f'`palette` must have a color for each of the {len(classes)} classes, got {len(palette)}.')
        colors = [tuple(int(value) for value in color) for color in palette]
        used = [*colors, IGNORE_COLOR] if self.unique_colors else []
        if twice := next((color for color in used if used.count(color) > 1), None):
            raise ValueError(
                f'`palette` must have a color of its own for each class and for ignored pixels, got {twice} twice.'
            )
        self.folder = Path(folder)
        self.classes = tuple(classes)
        self.palette = colors
        self.output = self.folder
        self.manifest: dict[str, str] = {}
        self._keys: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> 'MaskWriter':
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._stack as stack:  # closes what was opened if `_open` fails
            self._open()
            stack.push(lambda kind, error, trace: None if error else self._close())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)  # an error reaches the open files, which then do not get their names
        if error is None:
            write_json(self.folder / MANIFEST, self.manifest)

    def write(self, name: str, mask: np.ndarray, image: np.ndarray | None = None) -> None:
        """Write the mask of an image.

        Args:
            name: Path of the image relative to its folder, with suffix.
            mask: Class indices, 255 is ignored, ``(H, W)`` uint8.
            image: The image, RGB ``(H, W, 3)`` uint8, if :attr:`needs_image`.

        Raises:
            ValueError: If the name is not a relative path or was written before, the mask is not as above, or the
                image is missing or of another size.
        """
        name = name.replace('\\', '/')
        if not is_inside(name):
            raise ValueError(f'`name` must be a path within the folder of images, got {name!r}.')
        if name in self.manifest:
            raise ValueError(f'`name` must not be written twice, got {name!r} again.')
        if mask.ndim != 2 or mask.dtype != np.uint8 or not mask.size:
            raise ValueError(f'{name}: `mask` must be (H, W) uint8, got {mask.shape} {mask.dtype}.')
        wrong = np.setdiff1d(mask, [*range(len(self.classes)), IGNORE_INDEX])
        if len(wrong):
            raise ValueError(
                f'{name}: the values of `mask` must be in 0..{len(self.classes) - 1} or {IGNORE_INDEX}, got {wrong[0]}.'
            )
        if self.needs_image and (image is None or image.shape != (*mask.shape, 3) or image.dtype != np.uint8):
            got = None if image is None else f'{image.shape} {image.dtype}'
            raise ValueError(f'{name}: `image` must be {(*mask.shape, 3)} uint8, got {got}.')
        self.manifest[name] = self._write(name, self._key(PurePosixPath(name)), mask, image)

    def _key(self, path: PurePosixPath) -> str:
        """Return a path for the outputs of an image: without suffix, or with it if that path is taken.

        Upper and lower case count as equal, as on Windows and macOS.
        """
        candidates = chain([path.with_suffix(''), path], (f'{path}-{number}' for number in count(2)))
        key = next(str(key) for key in candidates if str(key).lower() not in self._keys)
        self._keys.add(key.lower())
        return key

    def _open(self) -> None:
        """Open the files that hold the masks of all images."""

    def _write(self, name: str, key: str, mask: np.ndarray, image: np.ndarray | None) -> str:
        """Write one mask and return its output, relative to the folder."""
        raise NotImplementedError

    def _close(self) -> None:
        """Write the ends of the files that :meth:`_open` opened, and the files that describe the classes."""

    def present(self, mask: np.ndarray) -> list[int]:
        """Return the foreground classes in a mask, ascending."""
        return [int(label) for label in np.unique(mask) if 0 < label < len(self.classes)]
