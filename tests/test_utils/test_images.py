"""Names of image files: listing, suffixes, lookup."""

import pytest

from mmwsl.utils.images import list_images, locate, stem


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
