import numpy as np
import pytest

from mmwsl.apis.image_inputs import list_inputs, unique_names
from tests.conftest import write_images


def listed(*arguments, **options):
    return [(image.name, image.source) for image in list_inputs(*arguments, **options)]


def test_a_folder_keeps_subfolders_and_a_file_its_name(tmp_path):
    write_images(tmp_path, ['b.png', 'sub/a.JPG', 'sub/deep/c.png'])
    (tmp_path / 'notes.txt').touch()
    names = ['b.png', 'sub/a.JPG', 'sub/deep/c.png']
    assert listed(tmp_path) == [(name, str(tmp_path / name)) for name in names]
    assert listed(str(tmp_path / 'sub/a.JPG')) == [('a.JPG', str(tmp_path / 'sub/a.JPG'))]


def test_equal_names_get_the_folders_that_tell_them_apart(tmp_path):
    files = ['p/x/a.png', 'q/x/a.png', 'q/y/b.png', 'a.png']
    write_images(tmp_path, files)
    names = [image.name for image in list_inputs([tmp_path / file for file in files])]
    assert names == [f'{tmp_path.name}/p/x/a.png'.removeprefix(f'{tmp_path.name}/'), 'q/x/a.png', 'b.png'] + [names[3]]
    assert names[3].endswith(f'{tmp_path.name}/a.png')
    assert unique_names([('/d', 'a'), ('/d/e', 'b')]) == ['a', 'b']


def test_an_image_given_twice_is_listed_once(tmp_path, monkeypatch):
    write_images(tmp_path, ['a.png', 'b.png'])
    monkeypatch.chdir(tmp_path)
    assert [name for name, _ in listed(['a.png', tmp_path, './b.png'])] == ['a.png', 'b.png']


@pytest.mark.parametrize(
    'url, name',
    [
        ('https://host/folder/a%20b.jpg?size=3&x=/y.png', 'a b.jpg'),
        ('http://host/..%2F..%2Fetc', 'etc'),
        ('http://host/', 'image'),
        ('http://host/x/%2E%2E', 'image'),
    ],
)
def test_a_url_is_named_by_its_last_component_without_the_query(url, name):
    assert listed(url) == [(name, url.rstrip('/'))]


def test_arrays_are_numbered_or_named():
    arrays = [np.full((2, 3, 3), value, np.uint8) for value in (1, 2)]
    assert [name for name, _ in listed(arrays)] == ['000000.png', '000001.png']
    assert [name for name, _ in listed(arrays, names=['x', 'y'])] == ['x', 'y']
    assert list_inputs(arrays[1])[0].source is arrays[1]


def test_bad_inputs_are_named(tmp_path):
    write_images(tmp_path, ['a.png'])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match=r'got .*missing/b\.png'):
        list_inputs([tmp_path / 'a.png', tmp_path / 'missing/b.png'])
    with pytest.raises(ValueError, match='must contain images, got none in .*empty'):
        list_inputs(tmp_path / 'empty')
    with pytest.raises(ValueError, match='must contain images'):
        list_inputs([])
    with pytest.raises(TypeError, match='got 3 at position 0'):
        list_inputs(3)
    for wrong in (np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8)):
        with pytest.raises(ValueError, match=r'must be BGR images \(H, W, 3\) uint8'):
            list_inputs([wrong])
    for names in (['x'], ['x', 'x']):
        with pytest.raises(ValueError, match='one unique name per image'):
            list_inputs([np.zeros((1, 1, 3), np.uint8)] * 2, names)
