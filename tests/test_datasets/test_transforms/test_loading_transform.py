"""Images of any mode, orientation and bit depth, and damaged files."""

import io
import re
import struct
import zlib

import cv2
import numpy as np
import PIL
import pytest
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from PIL import Image
from torch.utils.data import DataLoader

from mmwsl.datasets.transforms import LoadImageAsBGR
from mmwsl.utils.images import decode_bgr

READS_YCBCR = pytest.mark.skipif(
    int(PIL.__version__.split('.')[0]) < 13, reason='needs YCbCr TIFF. Install it with: pip install pillow>=13'
)
RGB = np.array([[[250, 10, 30], [20, 240, 60]], [[0, 0, 200], [90, 90, 90]], [[5, 5, 5], [255, 255, 255]]], np.uint8)


def encoded(image, file_format='PNG', **options):
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def test_color_is_bgr():
    img = decode_bgr(encoded(Image.fromarray(RGB)))
    assert img.dtype == np.uint8 and img.flags.c_contiguous
    assert np.array_equal(img, RGB[..., ::-1])


def test_jpeg_is_what_mmcv_loads(write_images, tmp_path):
    write_images(tmp_path, ['a.jpg'], size=(64, 48))
    img = LoadImageAsBGR()(dict(img_path=str(tmp_path / 'a.jpg')))['img'].astype(int)
    assert np.abs(img - cv2.imread(str(tmp_path / 'a.jpg'))).max() <= 2  # decoders may round differently


@pytest.mark.parametrize('mode', ['L', '1', 'P', 'CMYK', pytest.param('YCbCr', marks=READS_YCBCR), 'LA'])
def test_modes_become_three_channels(mode):
    gray = Image.fromarray(np.array([[0, 255], [255, 0], [0, 0]], np.uint8))
    image = gray.convert('RGB').convert(mode) if mode != 'LA' else gray.convert('LA')
    img = decode_bgr(encoded(image, 'TIFF' if mode in ('CMYK', 'YCbCr') else 'PNG'))
    assert img.shape == (3, 2, 3)
    assert np.abs(img.astype(int) - np.asarray(gray)[..., None]).max() <= 2


def test_palette_colors():
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), 'P')
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert decode_bgr(encoded(image)).tolist() == [[[30, 20, 10], [50, 100, 200]], [[50, 100, 200], [30, 20, 10]]]


def test_sixteen_bits_keep_their_range():
    values = np.array([[0, 255, 256], [32768, 65280, 65535]], np.uint16)
    img = decode_bgr(encoded(Image.fromarray(values)))
    assert np.array_equal(img, np.repeat((values // 256)[..., None], 3, axis=-1))


@pytest.mark.parametrize(
    ('dtype', 'file_format'), [(np.uint16, 'PNG'), (np.uint16, 'TIFF'), ('>u2', 'TIFF'), (np.int32, 'TIFF')]
)
@pytest.mark.parametrize(
    ('values', 'expected'),
    [([0, 200, 255], [0, 200, 255]), ([0, 255, 256], [0, 0, 1]), ([0, 32768, 65535], [0, 128, 255])],
)
def test_the_range_of_wide_gray_depends_on_its_values(dtype, file_format, values, expected):
    img = decode_bgr(encoded(Image.fromarray(np.array([values], dtype)), file_format))
    assert img.dtype == np.uint8
    assert img.tolist() == [[[value] * 3 for value in expected]]


@pytest.mark.parametrize('values', [[-1, 200], [0, 65536], [0, 2**31 - 1]])
def test_integers_of_unknown_range_are_rejected_by_name(tmp_path, values):
    Image.fromarray(np.array([values], np.int32)).save(tmp_path / 'wide.tif')
    with pytest.raises(
        ValueError, match=rf"wide\.tif' cannot be read .*must be in 0\.\.65535, got {values[0]}\.\.{values[1]}\."
    ):
        LoadImageAsBGR()(dict(img_path=str(tmp_path / 'wide.tif')))


def test_sixteen_bit_color():
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    # one pixel, 16-bit RGB, which Pillow cannot write
    row = b'\0' + struct.pack('>3H', 65535, 32768, 256)
    data = (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>2I5B', 1, 1, 16, 2, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(row))
        + chunk(b'IEND', b'')
    )
    assert decode_bgr(data).tolist() == [[[1, 128, 255]]]


def test_transparent_pixels_show_the_canvas_instead_of_their_color():
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    rgba[0, 0, 3], rgba[0, 1, 3] = 0, 128
    img = decode_bgr(encoded(Image.fromarray(rgba)), alpha_color=(100, 110, 120))
    assert img[0, 0].tolist() == [120, 110, 100]
    assert np.abs(img[0, 1].astype(int) - (RGB[0, 1, ::-1].astype(int) + (120, 110, 100)) / 2).max() <= 1
    assert np.array_equal(img[1:], RGB[1:, :, ::-1])


def test_transparent_palette_entry():
    image = Image.fromarray(np.array([[0, 1]], np.uint8), 'P')
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert decode_bgr(encoded(image, transparency=1), (1, 2, 3)).tolist() == [[[30, 20, 10], [3, 2, 1]]]


@pytest.mark.parametrize(
    ('orientation', 'upright'),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (6, lambda x: np.rot90(x, -1)),
        (8, np.rot90),
        (5, lambda x: x.transpose(1, 0, 2)),
    ],
)
def test_exif_orientation(tmp_path, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / 'turned.png'
    Image.fromarray(RGB).save(path, exif=exif)
    results = LoadImageAsBGR()(dict(img_path=str(path)))
    expected = upright(RGB)[..., ::-1]
    assert np.array_equal(results['img'], expected)
    assert results['ori_shape'] == results['img_shape'] == expected.shape[:2]


def bad_files():
    jpeg = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)), 'JPEG')
    png = encoded(Image.fromarray(RGB))
    floats = encoded(Image.fromarray(np.ones((2, 2), np.float32)), 'TIFF')
    return dict(
        text=b'<html>',
        empty=b'',
        truncated_jpeg=jpeg[: len(jpeg) // 2],
        truncated_png=png[:50],
        floats=floats,
        absent=None,
    )


@pytest.mark.parametrize('kind', bad_files())
def test_damaged_image_is_named_or_skipped(tmp_path, kind):
    path, data = tmp_path / f'{kind}.jpg', bad_files()[kind]
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"image '.*{kind}\.jpg' cannot be read .*`on_bad_image='skip'`"):
        LoadImageAsBGR()(dict(img_path=str(path)))
    loader = LoadImageAsBGR(on_bad_image='skip')
    with pytest.warns(UserWarning, match=rf"skipped image '.*{kind}\.jpg'.*1 skipped by this worker"):
        assert loader(dict(img_path=str(path))) is None
    assert loader(dict(img_path=str(path))) is None and len(loader.skipped) == 1


def test_dataset_fetches_another_image(build, labeled):
    (labeled / 'images/a.jpg').write_bytes(b'broken')
    settings = dict(
        data_root=str(labeled),
        label_file='labels.csv',
        data_prefix=dict(img_path='images'),
        metainfo=dict(classes=('background', 'car', 'person')),
    )
    dataset = build('VOCWeakDataset', pipeline=[dict(type='mmwsl.LoadImageAsBGR', on_bad_image='skip')], **settings)
    with pytest.warns(UserWarning, match=r'skipped image .*a\.jpg'):
        assert dataset[0]['img_path'] != str(labeled / 'images/a.jpg')
    strict = build('VOCWeakDataset', pipeline=[dict(type='mmwsl.LoadImageAsBGR')], **settings)
    with pytest.raises(ValueError, match=r'a\.jpg'):
        strict[0]


@pytest.fixture
def run_log(tmp_path):
    """The file of the logger that a run creates."""
    instances = MMLogger._instance_dict.copy()
    logger = MMLogger.get_instance('run_log', log_file=str(tmp_path / 'run.log'))
    yield tmp_path / 'run.log'
    for handler in logger.handlers:
        handler.close()
    MMLogger._instance_dict.clear()
    MMLogger._instance_dict.update(instances)


@pytest.mark.filterwarnings('ignore:skipped image:UserWarning')
@pytest.mark.parametrize('workers', [0, 1])
def test_skipped_images_are_in_the_runs_log(build, labeled, run_log, workers):
    for name in 'ab':
        (labeled / f'images/{name}.jpg').write_bytes(b'broken')
    dataset = build(
        'VOCWeakDataset',
        data_root=str(labeled),
        label_file='labels.csv',
        data_prefix=dict(img_path='images'),
        metainfo=dict(classes=('background', 'car', 'person')),
        pipeline=[dict(type='mmwsl.LoadImageAsBGR', on_bad_image='skip')],
    )
    loaded = list(DataLoader(dataset, batch_size=1, num_workers=workers, collate_fn=pseudo_collate)) * 2
    assert {path[-5:] for batch in loaded for path in batch['img_path']} <= {'c.jpg', 'd.jpg'}
    log = run_log.read_text()
    assert log.count('WARNING') == log.count('skipped image') == 2
    assert all(re.search(rf"'.*/{name}\.jpg'.*skipped by this worker", log) for name in 'ab')
    assert log.index('1 skipped by this worker so far') < log.index('2 skipped by this worker so far')


@pytest.mark.filterwarnings('ignore:skipped image:UserWarning')
def test_a_test_does_not_skip_and_names_the_image(build, labeled):
    (labeled / 'images/b.jpg').write_bytes(b'broken')
    dataset = build(
        'VOCWeakDataset',
        data_root=str(labeled),
        data_prefix=dict(img_path='images'),
        test_mode=True,
        pipeline=[dict(type='mmwsl.LoadImageAsBGR', on_bad_image='skip')],
    )
    assert dataset[0]['img_path'].endswith('a.jpg')
    with pytest.raises(ValueError, match=r"nothing for image '.*b\.jpg'.*`on_bad_image='skip'` is for training"):
        dataset[1]


def test_float(tmp_path):
    Image.fromarray(RGB).save(tmp_path / 'a.png')
    img = LoadImageAsBGR(to_float32=True)(dict(img_path=str(tmp_path / 'a.png')))['img']
    assert img.dtype == np.float32 and np.array_equal(img, RGB[..., ::-1])


def test_unknown_option_is_rejected():
    with pytest.raises(ValueError, match="`on_bad_image` must be one of .* got 'ignore'"):
        LoadImageAsBGR(on_bad_image='ignore')
