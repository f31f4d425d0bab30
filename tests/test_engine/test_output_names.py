"""Names of the files of images, worked out by hand."""

import pytest

from mmwsl.engine.output_names import output_names


class Paths:
    """Dataset of image paths."""

    def __init__(self, paths, root=None):
        self.paths = paths
        self.data_prefix = {} if root is None else dict(img_path=root)

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return dict(img_path=self.paths[index])


@pytest.mark.parametrize(
    'root, paths, names',
    [
        ('d/images', ['d/images/a/x.jpg', 'd/images/b/x.JPG'], ['a/x', 'b/x']),
        ('d', ['d/x.jpg', 'd/x.png', 'd/X.bmp'], ['x', 'x.png', 'X.bmp']),
        ('d', ['d/2007.0063.jpg', 'd/2007.0064.jpg'], ['2007.0063', '2007.0064']),
        (None, ['/d/a/x.jpg', '/d/b/x.jpg'], ['a/x', 'b/x']),  # a wrapper of several datasets
        (None, ['shapes-0-1', 'shapes-0-2'], ['shapes-0-1', 'shapes-0-2']),  # no files
        ('d', ['d/x.jpg', '/elsewhere/x.jpg'], ['x', 'x.jpg']),
        ('d', ['d/x.jpg', 'd/x.jpg'], ['x']),  # a repeated image
        ('d', ['d/x.png.jpg', 'd/x.jpg', 'd/x.png', 'd/x.png.bmp'], ['x.png', 'x', 'x.png-2', 'x.png.bmp']),
    ],
)
def test_names(root, paths, names):
    assert list(output_names(Paths(paths, root)).values()) == names
