"""Images and masks of a dataset that a config names."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from ..harness import Case, case
from ..sandbox import SIZE

TEST = 'test wsl.py work/epoch_2.pth'
TRAIN = 'train wsl.py --work-dir new'
SUPERVISED = 'train fsl.py --work-dir new'
LABEL = 'generate-pseudo-labels wsl.py work/epoch_2.pth --out new'
TUNE = 'tune-thresholds wsl.py work/epoch_2.pth --out new.json'
COMPARE = 'compare work --out new'
IN_VAL, IN_TRAIN = '08', '02'

Change = Callable[[Path], object]


def image(name: str, pixels: np.ndarray, folder: str = 'images') -> Change:
    """Return a function that replaces an image."""
    return lambda root: Image.fromarray(pixels).save(root / folder / f'{name}.png')


def mask(pixels: np.ndarray, name: str = IN_VAL) -> Change:
    """Return a function that replaces a mask."""
    return image(name, pixels, 'masks')


def content(data: bytes, *paths: str) -> Change:
    """Return a function that writes any bytes."""

    def write(root: Path) -> None:
        for path in paths:
            (root / path).write_bytes(data)

    return write


def changed_mask(change: Callable[[np.ndarray], np.ndarray], names: Iterable[str] = (IN_VAL,)) -> Change:
    """Return a function that changes masks."""

    def write(root: Path) -> None:
        for name in names:
            path = root / 'masks' / f'{name}.png'
            Image.fromarray(change(np.asarray(Image.open(path)).copy())).save(path)

    return write


def animated(root: Path) -> None:
    """Add a frame to an image."""
    frame = Image.open(root / 'images/02.png').convert('RGB')
    frame.save(root / 'images/02.png', save_all=True, append_images=[frame.rotate(90)])


def half(path: str) -> Change:
    """Return a function that cuts a file in half."""
    return lambda root: (root / path).write_bytes((root / path).read_bytes()[: (root / path).stat().st_size // 2])


def remove(*paths: str) -> Change:
    """Return a function that removes files and folders."""

    def delete(root: Path) -> None:
        for path in paths:
            target = root / path
            shutil.rmtree(target) if target.is_dir() else target.unlink()

    return delete


def all_of(*changes: Change) -> Change:
    """Return a function that does several changes."""
    return lambda root: [change(root) for change in changes]


def loop(root: Path) -> None:
    """Replace an image by a link to itself."""
    (root / 'images/02.png').unlink()
    os.symlink('02.png', root / 'images/02.png')


def folder_for_image(root: Path) -> None:
    """Replace an image by a folder."""
    (root / 'images/02.png').unlink()
    (root / 'images/02.png').mkdir()


def with_resize(root: Path) -> None:
    """Resize the images of the test set."""
    load = "dict(type='LoadAnnotations')"
    text = (root / 'wsl.py').read_text()
    (root / 'wsl.py').write_text(text.replace(load, f"dict(type='Resize', scale=(96, 96), keep_ratio=True), {load}"))


def two_valued(pixels: np.ndarray) -> np.ndarray:
    """Return a mask of 0 and 255."""
    return np.where(pixels > 0, 255, 0).astype(np.uint8)


def rgb(pixels: np.ndarray) -> np.ndarray:
    """Return a mask as a color image."""
    return np.repeat(pixels[..., None], 3, 2)


BLACK = np.zeros((SIZE, SIZE, 3), np.uint8)
VAL = ('08', '09', '10', 'sub/00')
TRAINING = ('00', '01', '02', '03')


def lossy(*names: str) -> Change:
    """Return a function that stores masks as JPEG, with the names of PNG files."""

    def store(root: Path) -> None:
        for name in names:
            path = root / f'masks/{name}.png'
            Image.open(path).convert('L').save(path, 'JPEG')

    return store


CASES: list[Case] = [
    *(
        case(f'mask in JPEG: {what}', line, 'rejected', name, 'is a JPEG file', 'as PNG', prepare=lossy(name))
        for what, line, name in (
            ('test', TEST, IN_VAL),
            ('training with masks', SUPERVISED, IN_TRAIN),
            ('check', 'check images --labels labels.csv --masks masks', IN_VAL),
        )
    ),
    case('mask of another size: test', TEST, 'rejected', '08.png', prepare=mask(np.zeros((20, 30), np.uint8))),
    case(
        'mask of another size: tune-thresholds', TUNE, 'rejected', '08.png', prepare=mask(np.zeros((20, 30), np.uint8))
    ),
    case('mask of another size: compare', COMPARE, 'rejected', '08.png', prepare=mask(np.zeros((20, 30), np.uint8))),
    case(
        'mask of another size: training with masks',
        SUPERVISED,
        'rejected',
        '02.png',
        prepare=mask(np.zeros((20, 30), np.uint8), IN_TRAIN),
    ),
    case(
        'mask transposed',
        TEST,
        'rejected',
        '08.png',
        prepare=all_of(image(IN_VAL, np.zeros((SIZE, 30, 3), np.uint8)), mask(np.zeros((30, SIZE), np.uint8))),
    ),
    case('mask in RGB: test', TEST, 'rejected', '08.png', 'channel', prepare=changed_mask(rgb)),
    case(
        'mask in RGB: training with masks',
        SUPERVISED,
        'rejected',
        '02.png',
        'channel',
        prepare=changed_mask(rgb, [IN_TRAIN]),
    ),
    case('mask is an empty file', TEST, 'rejected', '08.png', prepare=content(b'', 'masks/08.png')),
    case('mask is half a file', TEST, 'rejected', '08.png', prepare=half('masks/08.png')),
    case('mask is a text', TEST, 'rejected', '08.png', prepare=content(b'no image', 'masks/08.png')),
    case('mask is missing: test', TEST, 'rejected', '08.png', prepare=remove('masks/08.png')),
    case('mask is missing: training with masks', SUPERVISED, 'rejected', '02.png', prepare=remove('masks/02.png')),
    case('folder of masks is missing', TEST, 'rejected', 'masks', prepare=remove('masks')),
    case(
        'mask with id 200: test',
        TEST,
        'rejected',
        '08.png',
        '200',
        prepare=changed_mask(lambda m: np.where(m > 0, 200, 0).astype(np.uint8)),
    ),
    case(
        'mask with id 7 of 7 classes',
        TEST,
        'rejected',
        '08.png',
        '7',
        prepare=changed_mask(lambda m: np.where(m > 0, 7, 0).astype(np.uint8)),
    ),
    case(
        'mask with id 200: training with masks',
        SUPERVISED,
        'rejected',
        '02.png',
        '200',
        prepare=changed_mask(lambda m: np.where(m > 0, 200, 0).astype(np.uint8), [IN_TRAIN]),
    ),
    case('masks of 0 and 255', TEST, 'rejected', '255', prepare=changed_mask(two_valued, VAL)),
    case(
        'masks of 0 and 255: training with masks',
        SUPERVISED,
        'rejected',
        '255',
        prepare=changed_mask(two_valued, [f'{i:02}' for i in range(8)]),
    ),
    case('masks of 16 bits', TEST, 'rejected', '08.png', prepare=changed_mask(lambda m: m.astype(np.uint16) * 256)),
    case(
        'masks of 255 only', TEST, 'rejected', '[255] only', prepare=changed_mask(lambda m: np.full_like(m, 255), VAL)
    ),
    case(
        'bad masks and --check-data off',
        f'{TEST} --check-data off',
        'done',
        'mIoU',
        prepare=changed_mask(lambda m: np.where(m > 0, 200, 0).astype(np.uint8)),
    ),
    case(
        'masks are replaced after the first evaluation',
        COMPARE,
        'rejected',
        '08.png',
        prepare=mask(np.zeros((20, 30), np.uint8)),
    ),
    case('image of zero bytes: test', TEST, 'rejected', '08.png', prepare=content(b'', 'images/08.png')),
    case('image of zero bytes: training', TRAIN, 'rejected', '02.png', prepare=content(b'', 'images/02.png')),
    case('image is half a file: test', TEST, 'rejected', '08.png', prepare=half('images/08.png')),
    case('image is half a file: labels', LABEL, 'rejected', '02.png', prepare=half('images/02.png')),
    case(
        'image is half a file: found before the training',
        SUPERVISED,
        'rejected',
        '1 of 8 images cannot be used: 02.png cannot be read (truncated: ',
        '--check-data off',
        prepare=half('images/02.png'),
    ),
    case('image is animated', TRAIN, 'done', '1 of 8 images have several frames or pages', '02.png', prepare=animated),
    case(
        'image is animated: predict',
        'predict project images --out new',
        'done',
        'warning: 1 of 12 images have several frames or pages',
        prepare=animated,
    ),
    case(
        'a pipe among the images',
        'predict project images --out new',
        'done',
        '1 pipes or devices are no files and are left out: pipe.png',
        prepare=lambda root: os.mkfifo(root / 'images/pipe.png'),
    ),
    case('image is a text', TRAIN, 'rejected', '02.png', prepare=content(b'no image', 'images/02.png')),
    case(
        'image of 1x1', TEST, 'rejected', '08.png', prepare=all_of(image(IN_VAL, BLACK[:1, :1]), mask(BLACK[:1, :1, 0]))
    ),
    case(
        'image of 20000x2, to be resized',
        TEST,
        'rejected',
        '08.png',
        prepare=all_of(
            image(IN_VAL, np.zeros((2, 20000, 3), np.uint8)), mask(np.zeros((2, 20000), np.uint8)), with_resize
        ),
    ),
    case('image of 1x1: training', TRAIN, 'done', prepare=image(IN_TRAIN, BLACK[:1, :1])),
    case(
        'image larger than the network takes',
        TRAIN,
        'failed',
        'equal size',
        "Image './images/02.png' has 300 x 200 pixels",
        'data_preprocessor.size',
        prepare=image(IN_TRAIN, np.zeros((200, 300, 3), np.uint8)),
    ),
    case(
        'image with transparency',
        TRAIN,
        'done',
        prepare=lambda root: Image.open(root / 'images/02.png').convert('RGBA').save(root / 'images/02.png'),
    ),
    case(
        'gray image',
        TRAIN,
        'done',
        prepare=lambda root: Image.open(root / 'images/02.png').convert('L').save(root / 'images/02.png'),
    ),
    case('a folder named like an image', TRAIN, 'rejected', '02.png', prepare=folder_for_image),
    case('a link to itself', TRAIN, 'rejected', '02.png', prepare=loop),
    case('image of a table is missing', TRAIN, 'rejected', '02', prepare=remove('images/02.png')),
    case('folder of images is missing', TRAIN, 'rejected', 'images', prepare=remove('images')),
    case(
        'folder of images is empty',
        TRAIN,
        'rejected',
        'images',
        prepare=all_of(remove('images'), lambda root: (root / 'images').mkdir()),
    ),
    case('data_root is missing', f'{TRAIN} --cfg-options train_dataloader.dataset.data_root=none', 'rejected', 'none'),
]
