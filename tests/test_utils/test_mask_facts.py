"""What is read of masks and images, and which masks are rejected."""

import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmwsl.utils.mask_facts import (
    CHANNELS,
    CLASSES,
    FILE,
    LOSSY,
    SIZE,
    label_converter,
    mask_problem,
    read_header,
    read_mask_facts,
)

MASK = np.array([[0, 1, 2], [255, 1, 0]], np.uint8)


def facts(path, image):
    """Save an image and read its facts."""
    image.save(path)
    return read_mask_facts(str(path))


def palette(mask):
    """Return a palette image."""
    image = Image.fromarray(mask, mode='P')
    image.putpalette([7, 70, 200] * 256)
    return image


@pytest.mark.parametrize(
    'image, shape, values',
    [
        (Image.fromarray(MASK), [2, 3], [0, 1, 2, 255]),
        (palette(MASK), [2, 3], [0, 1, 2, 255]),
        (Image.fromarray(MASK > 0), [2, 3], [0, 1]),
        (Image.fromarray(MASK.astype(np.uint16) * 257), [2, 3], [0, 257, 514, 65535]),
        (Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) + 250), [3, 4], [*range(250, 261)]),
        (Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40)), [30, 40], [*range(261)]),
        (Image.fromarray(np.stack([MASK] * 3, -1)), [2, 3, 3], None),
        (Image.fromarray(np.stack([MASK] * 4, -1)), [2, 3, 4], None),
        (Image.fromarray(MASK).convert('LA'), [2, 3, 2], None),
    ],
)
def test_shape_and_values(tmp_path, image, shape, values):
    found = facts(tmp_path / 'mask.png', image)
    assert (found['shape'], found.get('values')) == (shape, values)


@pytest.mark.parametrize(
    'content, message',
    [(b'', 'an empty file'), (b'text', 'another file'), (None, 'no such file'), ('half', 'truncated')],
)
def test_files_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / 'mask.png'
    if content == 'half':
        Image.fromarray(np.random.default_rng(0).integers(0, 9, (90, 90), np.uint8)).save(path)
        content = path.read_bytes()[:900]
    if content is not None:
        path.write_bytes(content)
    found = read_mask_facts(str(path))
    assert message in found['error'] and '0x' not in found['error']
    assert mask_problem(found, (3, 2), 3)[0] == FILE


@pytest.mark.parametrize('orientation, size', [(1, [3, 2]), (3, [3, 2]), (6, [2, 3]), (8, [2, 3])])
def test_the_size_of_an_image_is_upright(tmp_path, orientation, size):
    image = Image.fromarray(np.stack([MASK] * 3, -1))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / 'image.jpg', exif=exif)
    assert read_header(str(tmp_path / 'image.jpg')) == dict(size=size)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.tif', '.bmp', '.ppm'])
def test_truncated_images_and_data_after_the_end_are_told_apart(tmp_path, suffix):
    path = tmp_path / f'image{suffix}'
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[:-400])
    error = read_header(str(path))['error']
    assert error.startswith('truncated: ') or (suffix == '.webp' and 'decoder' in error)
    path.write_bytes(content + b'more' * 20)
    assert read_header(str(path)) == dict(size=[90, 90])


@pytest.mark.parametrize('suffix', ['.png', '.webp', '.tif'])
def test_frames_and_pages_are_counted(tmp_path, suffix):
    frames = [Image.new('RGB', (9, 8), color) for color in ('red', 'blue', 'green')]
    frames[0].save(tmp_path / f'image{suffix}', save_all=True, append_images=frames[1:])
    assert read_header(str(tmp_path / f'image{suffix}')) == dict(size=[9, 8], frames=3)


@pytest.mark.parametrize(
    'found, size, kind, text',
    [
        (dict(shape=[2, 3], values=[0, 1, 2, 255]), (3, 2), None, ''),
        (dict(shape=[2, 3], values=[0, 1, 2, 255]), None, None, ''),
        (dict(shape=[2, 3], values=[0, 9]), (3, 2), CLASSES, 'must have the values 0..2, or 255 to ignore, got 9'),
        (dict(shape=[2, 3], values=[*range(3, 10)]), (3, 2), CLASSES, 'got 3, 4, 5, 6, 7 ...'),
        (dict(shape=[2, 3], values=[0, 300]), (3, 2), CLASSES, 'got 300'),
        (dict(shape=[2, 3], values=[0, 0.5]), (3, 2), CLASSES, 'got 0.5'),
        (dict(shape=[2, 3], values=[-1, 0]), (3, 2), CLASSES, 'got -1'),
        (dict(shape=[2, 3], values=[0]), (2, 3), SIZE, 'must have the size 2 x 3 of its image, got 3 x 2'),
        (dict(shape=[1, 3], values=[0]), (3, 1), SIZE, 'must have sides of at least 2 pixels, got 3 x 1'),
        (dict(shape=[2, 3, 4]), (3, 2), CHANNELS, 'one channel of class indices, got 4'),
    ],
)
def test_problems(found, size, kind, text):
    problem = mask_problem(found, size, 3)
    assert (problem is None) if kind is None else (problem[0] == kind and text in problem[1])


def test_the_ignored_values_and_the_conversion_decide(tmp_path):
    found = dict(shape=[2, 3], values=[0, 1, 2, 7])
    assert mask_problem(found, None, 3, {7}) is None
    assert mask_problem(found, None, 3, {255}, {7: 255}.get) is not None  # 0 becomes None
    assert mask_problem(found, None, None) is None
    convert = label_converter(False, {0: 0, 1: 1, 2: 255, 7: 2})
    assert mask_problem(found, None, 3, {255}, convert) is None
    assert 'values 0..1, 7, or' in mask_problem(found | dict(values=[9]), None, 3, {255}, convert)[1]


@pytest.mark.parametrize('reduce_zero_label', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 0, 1: 255, 2: 1, 3: 2, 255: 4, 254: 3}])
def test_values_are_converted_as_mmsegmentation_does(tmp_path, reduce_zero_label, label_map):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / 'mask.png')
    info = dict(seg_map_path=str(tmp_path / 'mask.png'), seg_fields=[], label_map=label_map)
    loaded = LoadAnnotations()(info | dict(reduce_zero_label=reduce_zero_label))['gt_seg_map']
    convert = label_converter(reduce_zero_label, label_map)
    assert [convert(value) for value in range(256)] == loaded.ravel().tolist()


@pytest.mark.parametrize(
    'options, lossy',
    [
        (dict(format='JPEG', quality=100), True),
        (dict(format='PNG'), False),
        (dict(format='TIFF'), False),
        (dict(format='BMP'), False),
    ],
)
def test_masks_in_a_format_that_changes_values_are_named(tmp_path, options, lossy):
    Image.fromarray(MASK).save(tmp_path / 'a.png', **options)
    found = read_mask_facts(str(tmp_path / 'a.png'))
    problem = mask_problem(found, (3, 2), 3)
    assert problem[0] == LOSSY and 'JPEG' in problem[1] if lossy else problem is None
