"""Image files: listing, suffixes, lookup, and files that are not what they seem."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from mmwsl.utils.file_index import locate
from mmwsl.utils.image_files import survey_images
from mmwsl.utils.images import (
    FORMATS,
    MAX_PIXELS,
    check_names,
    decode_bgr,
    list_images,
    names_in_folder,
    read_bgr,
    read_image,
    stem,
)


def test_names_match_in_any_unicode_form():
    composed, decomposed = 'f\u00fcr.png', 'fu\u0308r.png'
    assert locate([composed, 'fu\u0308r'], [decomposed]) == {composed: decomposed, 'fu\u0308r': decomposed}
    both = [composed, decomposed]
    assert locate(both, both) == dict(zip(both, both, strict=True))


def test_masks_are_found_in_any_unicode_form(tmp_path):
    (tmp_path / 'u\u0308.png').touch()
    assert names_in_folder(['\u00fc.png', 'a.png'], str(tmp_path)) == {'\u00fc.png': 'u\u0308.png'}
    assert names_in_folder(['u\u0308.png', '\u00f6.png'], str(tmp_path)) == {}


def test_a_name_that_matches_two_files_is_rejected():
    assert locate(['a', 'b.png', 'c'], ['a.jpg', 'b.png', 'b.jpg']) == {'a': 'a.jpg', 'b.png': 'b.png'}
    with pytest.raises(ValueError, match=r"image 'b' matches several files: b\.jpg, b\.png"):
        locate(['b'], ['b.png', 'b.jpg'])


@pytest.mark.parametrize(
    ('image', 'suffixes', 'expected'),
    [
        ('a/b.JPG', ('.jpg',), 'a/b'),
        ('2007.0063', ('.jpg',), '2007.0063'),
        ('aachen/a_0_leftImg8bit.png', ('_leftimg8bit.png',), 'aachen/a_0'),
        ('a_leftImg8bit.png', ('.png', '_leftimg8bit.png'), 'a'),
        ('a.png', ('_leftimg8bit.png',), 'a.png'),
        ('a.jpg', ('',), 'a.jpg'),
    ],
)
def test_suffixes_are_removed(image, suffixes, expected):
    assert stem(image, suffixes) == expected


def test_listing_excludes_hidden_files_and_folders(tmp_path):
    for name in ('cat/B.JPG', 'a.png', '.hidden.png', '.checkpoints/a.png', 'cat/.old/a.png', 'notes.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert list_images(str(tmp_path)) == ['a.png', 'cat/B.JPG']


def test_pipes_are_counted(tmp_path):
    os.mkfifo(tmp_path / 'a.jpg')
    (tmp_path / 'b.jpg').touch()
    with pytest.warns(UserWarning, match=r'1 pipes or devices are no files and are left out: a\.jpg'):
        assert list_images(str(tmp_path)) == ['b.jpg']


def test_links_are_followed_but_not_in_circles(tmp_path):
    root, other = tmp_path / 'root', tmp_path / 'other'
    (root / 'a').mkdir(parents=True)
    other.mkdir()
    (root / 'a' / '1.png').touch()
    (other / '2.png').touch()
    os.symlink(other, root / 'b')
    expected = ['a/1.png', 'b/2.png']
    assert list_images(str(root)) == expected
    # two links back double the paths at each of the 40 levels that the system follows
    for name in ('x', 'y'):
        os.symlink(root, root / 'a' / name)
        os.symlink('.', root / name)
        os.symlink(root, other / name)
    os.symlink('missing.png', root / 'broken.png')
    assert list_images(str(root)) == [*expected, 'broken.png']  # an error when it is read, not a missing image


@pytest.fixture
def large_bitmap(tmp_path):
    """A file of 60 bytes that claims 10^9 pixels."""
    path = tmp_path / 'large.bmp'
    Image.new('L', (1, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[18:26] = np.array([40_000, 25_000], '<i4').tobytes()
    path.write_bytes(content)
    return path


def test_images_of_too_many_pixels_are_errors_that_name_the_file(large_bitmap):
    for read in (read_image, read_bgr):
        with pytest.raises(
            ValueError, match=rf'large\.bmp: cannot be read as an image \(.*exceeds limit of {MAX_PIXELS}'
        ):
            read(large_bitmap)
    (file,) = survey_images(large_bitmap.parent, ['large.bmp'])
    assert (file.width, file.height) == (0, 0) and 'exceeds limit' in file.error


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_formats_that_start_programs_are_not_opened(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    Image.new('RGB', (4, 4)).save(path, 'EPS')
    with Image.open(path) as file:
        assert file.format == 'EPS'  # Pillow alone would start Ghostscript
    for read in (read_image, read_bgr):
        with pytest.raises(
            ValueError, match=rf'a\{suffix}: cannot be read as an image \(must be an image, got another file'
        ):
            read(path)
    (found,) = survey_images(tmp_path, [path.name])
    assert 'must be an image, got' in found.error


@pytest.mark.parametrize('format', [name for name in FORMATS if name != 'MPO'])
def test_formats_are_recognized_by_content(tmp_path, format):
    path = tmp_path / 'a.jpg'
    try:
        Image.new('RGB', (4, 3), (200, 200, 200)).save(path, format)
    except (KeyError, OSError) as error:
        pytest.skip(f'this Pillow has no {format} ({error})')
    pixels = decode_bgr(path.read_bytes())
    assert pixels.shape == (3, 4, 3) and abs(pixels.astype(int) - 200).max() < 4
    assert read_image(path).size == (4, 3)


def test_missing_images_are_named(tmp_path):
    for read in (read_image, read_bgr):
        with pytest.raises(FileNotFoundError, match=r'nothing\.png'):
            read(tmp_path / 'nothing.png')


@pytest.mark.parametrize('cut', [0, 20, 60])
def test_truncated_images_are_errors(tmp_path, cut):
    path = tmp_path / 'a.png'
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for read in (read_image, read_bgr):
            with pytest.raises(ValueError, match=r'a\.png: cannot be read as an image \(.'):
                read(path)


@pytest.mark.parametrize(
    'name, advice',
    [(b'caf\xe9.png', 'Rename the files'), ('café.png'.encode(), 'PYTHONUTF8=1')],
)
def test_names_that_python_cannot_decode_are_rejected(name, advice):
    check_names(['a.png', 'café.png', '日本.png'], 'images')
    with pytest.raises(ValueError, match='^images: the names of images must be') as error:
        check_names(['a.png', name.decode('ascii', 'surrogateescape')], 'images')
    assert advice in str(error.value) and r'caf\udc' in str(error.value)
