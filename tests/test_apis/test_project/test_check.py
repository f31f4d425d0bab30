"""Checks of images, labels, lists and masks."""

import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from mmwsl.apis.project.check import check_data
from mmwsl.apis.project.data_check import DataError, format_check
from mmwsl.apis.project.split import VAL_FRACTION, validation_images
from mmwsl.cli.check import main
from mmwsl.functional import stratified_split
from tests.conftest import write_images

NAMES = ['a.jpg', 'b.png', 'sub/c.jpg', 'sub/a.jpg', 'd e.jpg', 'f.png']


@pytest.fixture
def images(tmp_path):
    folder = write_images(tmp_path / 'images', NAMES, size=(64, 48))
    (tmp_path / 'labels.csv').write_text(
        'image,labels\na.jpg,cat\nb.png,cat;traffic light\nsub/c.jpg,\nsub/a.jpg,traffic light\nd e.jpg,cat\n'
    )
    return folder


def texts(check, severity):
    return [text for kind, text in check.messages if kind == severity]


def test_what_is_counted(images, tmp_path):
    check = check_data(images, tmp_path / 'labels.csv')
    assert check.classes == ('background', 'cat', 'traffic light')
    assert set(check.files) == set(NAMES) and set(check.records) == set(NAMES) - {'f.png'}
    np.testing.assert_array_equal(
        check.label_matrix(['a.jpg', 'b.png', 'sub/c.jpg', 'sub/a.jpg']), [[1, 0], [1, 1], [0, 0], [0, 1]]
    )
    assert (check.files['b.png'].width, check.files['b.png'].height) == (64, 48)
    assert not check.errors and texts(check, 'info') == ['1 images have no labels and are not used to train.']
    text = format_check(check)
    assert 'cat                3  traffic light 1' in text and 'longer side: 64 to 64' in text


def test_nothing_is_written(images, tmp_path, capsys):
    before = sorted(tmp_path.rglob('*'))
    main([str(images), '--labels', str(tmp_path / 'labels.csv')])
    assert sorted(tmp_path.rglob('*')) == before
    printed = capsys.readouterr().out
    assert printed.startswith('6 images, 5 of them with labels (csv)')
    assert printed.splitlines()[-1] == f'Next: mmwsl run {images} --labels {tmp_path / "labels.csv"} --out PROJECT'


def test_the_next_command_has_all_options_of_the_labels(images, tmp_path, capsys):
    table = str(tmp_path / 'labels.csv')
    columns = ['--image-column', 'image', '--label-column', 'labels', '--separator', ';']
    main([str(images), '--labels', table, *columns])
    (last,) = capsys.readouterr().out.splitlines()[-1:]
    assert shlex.split(last) == ['Next:', 'mmwsl', 'run', str(images), '--labels', table, *columns, '--out', 'PROJECT']


def test_listed_images_without_labels_and_classes_of_listed_images_alone_are_named(images, tmp_path):
    (tmp_path / 'val.txt').write_text('b.png\nf.png\nsub/a.jpg\n')
    check = check_data(images, tmp_path / 'labels.csv', tmp_path / 'val.txt')
    assert check.val == ('b.png', 'sub/a.jpg')
    found = texts(check, 'warning')
    assert '1 of the 3 images of --val have no labels or cannot be read, and do not validate: f.png.' in found
    assert '2 classes have fewer than 5 images to train on and may not be learned: cat 2, traffic light 0.' in found


def test_broken_and_duplicate_images_are_named(images, tmp_path):
    data = (images / 'b.png').read_bytes()
    (images / 'b.png').write_bytes(data[: len(data) // 2])
    shutil.copy(images / 'a.jpg', images / 'd e.jpg')
    shutil.copy(images / 'a.jpg', images / 'sub/a.jpg')
    (images / 'notes.gif').write_bytes(b'GIF89a')
    check = check_data(images, tmp_path / 'labels.csv')
    assert 'b.png' not in check.records and check.notes['b.png'] == ['cannot be read']
    assert check.notes['d e.jpg'] == check.notes['sub/a.jpg'] == ['duplicate of a.jpg']
    warnings = texts(check, 'warning')
    assert any(text.startswith('1 images cannot be read and are left out: b.png (') for text in warnings)
    assert '2 images are duplicates of others: a.jpg = d e.jpg = sub/a.jpg.' in warnings
    assert 'equal images have different labels: a.jpg, d e.jpg, sub/a.jpg.' in warnings
    assert any(text.startswith('1 images have formats that are not read') and '.gif' in text for text in warnings)


def test_a_jpeg_file_that_ends_early_cannot_be_read(images, tmp_path):
    path = images / 'a.jpg'
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 2000])
    assert check_data(images, tmp_path / 'labels.csv').files['a.jpg'].error


def test_a_rotated_image_has_its_upright_size(images, tmp_path):
    image = Image.open(images / 'a.jpg')
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(images / 'a.jpg', exif=exif)
    file = check_data(images, tmp_path / 'labels.csv').files['a.jpg']
    assert (file.width, file.height) == (48, 64)


def test_labels_of_other_images(images, tmp_path):
    table = tmp_path / 'labels.csv'
    table.write_text(table.read_text() + 'gone.jpg,cat\n')
    assert '1 labeled images have no file: gone.jpg.' in texts(check_data(images, table), 'warning')
    table.write_text('image,labels\nx.jpg,cat\n')
    with pytest.raises(DataError, match=r'none of its 1 images is in .*: x.jpg'):
        check_data(images, table)


def test_names_that_begin_with_another_folder_are_found_by_their_last_parts(images, tmp_path):
    names = ['/data/photos/b.png', '/data/photos/a.jpg', '/data/sub/a.jpg', 'other/c.jpg']
    rows = [f'{name},cat' for name in names]
    (tmp_path / 'labels.csv').write_text('\n'.join(['image,labels', *rows]) + '\n')
    check = check_data(images, tmp_path / 'labels.csv')
    assert {name: record.source[-1] for name, record in check.records.items()} == {
        'b.png': '2',
        'a.jpg': '3',
        'sub/a.jpg': '4',
    }
    assert texts(check, 'warning')[0] == '1 labeled images have no file: other/c.jpg.'  # it is not sub/c.jpg


def test_data_that_leaves_nothing_to_train_is_an_error(images, tmp_path):
    (tmp_path / 'labels.csv').write_text('image,labels\na.jpg,cat\nb.png,cat\n')
    (tmp_path / 'val.txt').write_text('a.jpg\n')
    assert check_data(images, tmp_path / 'labels.csv', tmp_path / 'val.txt').errors == [
        'at least 2 labeled images must be left for training beside those of --val, got 1.'
    ]


def test_background_beside_a_class_is_an_error(images, tmp_path):
    (tmp_path / 'labels.csv').write_text('image,labels\na.jpg,cat;background\nb.png,cat\nf.png,background\n')
    (error,) = check_data(images, tmp_path / 'labels.csv').errors
    assert error.startswith('1 images have `background` beside other labels: ') and 'labels.csv:2' in error


def test_masks_of_0_and_255_and_masks_without_an_image(images, tmp_path):
    (tmp_path / 'masks').mkdir()
    binary = np.zeros((48, 64), np.uint8)
    binary[:9] = 255
    for name in ('b.png', 'gone.png'):
        Image.fromarray(binary).save(tmp_path / 'masks' / name)
    check = check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks')
    assert check.errors == [
        '1 masks hold 0 and 255 only, and 255 is ignored: b.png. Write the class index of the object, such as 1.'
    ]
    text = 'masks fit no labeled image by name, or do not end with .png'
    assert f'1 {text}: gone.png.' in texts(check, 'warning')
    (tmp_path / 'masks' / 'a.PNG').write_bytes((tmp_path / 'masks' / 'b.png').read_bytes())
    check = check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks')
    assert f'2 {text}: a.PNG, gone.png.' in texts(check, 'warning')


def test_masks_that_contradict_the_labels(images, tmp_path):
    (tmp_path / 'masks').mkdir()
    masks = {'a': 1, 'b': 2, 'd e': 2}  # cat; cat and traffic light; cat
    for name, value in masks.items():
        mask = np.zeros((48, 64), np.uint8)
        mask[:9] = value
        Image.fromarray(mask).save(tmp_path / 'masks' / f'{name}.png')
    check = check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks')
    text = (
        'masks hold classes that are not among the labels of their image: d e.jpg (traffic light). The values of the '
        'classes are 1 cat, 2 traffic light: correct the masks or the labels.'
    )
    assert f'1 {text}' in texts(check, 'warning') and not check.errors
    assert '2 traffic light' in format_check(check)
    Image.fromarray(np.full((48, 64), 2, np.uint8)).save(tmp_path / 'masks' / 'a.png')
    (error,) = check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks').errors
    assert error.startswith('2 masks hold classes') and 'a.jpg (traffic light), d e.jpg (traffic light)' in error


def test_classes_that_are_numbers_have_the_order_of_their_values(images, tmp_path):
    (tmp_path / 'labels.csv').write_text('image,labels\na.jpg,10;2\nb.png,1\nf.png,cat\n')
    assert check_data(images, tmp_path / 'labels.csv').classes == ('background', '1', '2', '10', 'cat')


def test_more_classes_than_a_mask_has_values(images, tmp_path):
    for count in (254, 255):
        labels = ';'.join(f'c{index}' for index in range(count))
        (tmp_path / 'labels.csv').write_text(f'image,labels\na.jpg,{labels}\nb.png,c0\nf.png,c1\n')
        if count == 254:
            assert len(check_data(images, tmp_path / 'labels.csv').classes) == 255
        else:
            with pytest.raises(ValueError, match='at most 254 classes, got 255: masks have 8 bits'):
                check_data(images, tmp_path / 'labels.csv')


def test_an_image_with_labels_twice_is_an_error_after_the_findings(images, tmp_path, capsys):
    table = tmp_path / 'labels.csv'
    table.write_text(table.read_text() + 'a,cat\n')
    assert check_data(images, table).errors == ['1 images have labels twice: a.jpg. Keep one row per image.']
    with pytest.raises(DataError, match='the data must be corrected first:\n- 1 images have labels twice'):
        main([str(images), '--labels', str(table)])
    printed = capsys.readouterr().out
    assert printed.startswith('6 images') and 'error: 1 images have labels twice: a.jpg.' in printed


def test_classes_that_cannot_be_told_apart(images, tmp_path):
    (tmp_path / 'labels.csv').write_text('image,labels\na.jpg,cat;dog\nb.png,cat\nf.png,cat;dog\n')
    warnings = texts(check_data(images, tmp_path / 'labels.csv'), 'warning')
    assert "every image with 'dog' also has cat: image-level labels cannot tell them apart." in warnings
    assert any(text.startswith('cat is in every image') for text in warnings)
    assert '2 classes have fewer than 5 images to train on and may not be learned: cat 3, dog 2.' in warnings


def test_a_check_of_many_rare_classes_is_short(images, tmp_path):
    classes = [f'c{number}' for number in range(40)]
    rows = [f'{name},{";".join(classes[index::2])}' for index, name in enumerate(['a.jpg', 'b.png'])]
    (tmp_path / 'labels.csv').write_text('\n'.join(['image,labels', *rows]))
    warnings = texts(check_data(images, tmp_path / 'labels.csv'), 'warning')
    (rare,) = [text for text in warnings if 'may not be learned' in text]
    assert rare.startswith('40 classes have fewer than 5 images') and len(rare) < 150
    assert warnings.count('so it is with 30 other classes.') == 1


def test_validation_images_that_are_training_images_by_content(images, tmp_path):
    shutil.copy(images / 'a.jpg', images / 'sub/a.jpg')
    (tmp_path / 'val.txt').write_text('sub/a.jpg\nsub/c\n')
    check = check_data(images, tmp_path / 'labels.csv', tmp_path / 'val.txt')
    assert check.val == ('sub/a.jpg', 'sub/c.jpg')
    assert check.overlap == '1 of 2 validation images are also training images, as the same file or a copy: a.jpg'
    assert any(text.startswith(check.overlap) for text in texts(check, 'warning'))
    (tmp_path / 'val.txt').write_text('nowhere.jpg\n')
    with pytest.raises(DataError, match='1 of its 1 images are not in .*: nowhere.jpg'):
        check_data(images, tmp_path / 'labels.csv', tmp_path / 'val.txt')


def test_a_table_of_validation_images_brings_its_labels(images, tmp_path):
    (tmp_path / 'val.csv').write_text('image,labels\nf.png,cat\n')
    check = check_data(images, tmp_path / 'labels.csv', tmp_path / 'val.csv')
    assert check.val == ('f.png',) and check.records['f.png'].labels == ('cat',)


@pytest.mark.parametrize(
    'mask, message',
    [
        (np.full((48, 64), 1), None),
        (np.full((48, 64), 255), None),
        (np.zeros((48, 60)), 'must have the size 64 x 48 of its image, got 60 x 48'),
        (np.full((48, 64), 7), 'b.png must have the values 0..2, or 255 to ignore, got 7. Convert'),
        (np.zeros((48, 64, 3)), 'must have one channel of class indices, got 3'),
        (None, 'cannot be read'),
    ],
)
def test_masks(images, tmp_path, mask, message):
    path = tmp_path / 'masks' / 'b.png'
    path.parent.mkdir()
    if mask is None:
        path.write_text('')
    else:
        Image.fromarray(mask.astype(np.uint8)).save(path)
    check = check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks')
    if message is None:
        assert check.masks == {'b.png': path} and not check.errors
    else:
        assert not check.masks and check.errors
        with pytest.raises(AssertionError, match=message):
            raise AssertionError(check.errors[0])


def test_masks_are_used_as_they_are_without_the_check(images, tmp_path):
    path = tmp_path / 'masks' / 'b.png'
    path.parent.mkdir()
    Image.fromarray(np.full((9, 9), 7, np.uint8)).save(path)
    check = check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks', read_masks=False)
    assert check.masks == {'b.png': path} and not check.errors


def test_many_wrong_masks_are_one_error(images, tmp_path):
    (tmp_path / 'masks' / 'sub').mkdir(parents=True)
    for name in ('a', 'b', 'd e', 'sub/a', 'sub/c'):
        stem = f'{name}.png'
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / 'masks' / stem)
    (error,) = (
        text
        for text in check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks').errors
        if 'has no mask' not in text
    )
    assert ': 5 of 5 masks cannot be used: a.png must' in error and '; 2 more. Save' in error


def test_a_folder_without_masks_of_the_images_is_an_error(images, tmp_path):
    (tmp_path / 'masks').mkdir()
    assert (
        'has no mask NAME.png of a labeled image'
        in check_data(images, tmp_path / 'labels.csv', masks=tmp_path / 'masks').errors[0]
    )


def test_a_table_of_validation_images_must_not_contradict_the_labels(images, tmp_path):
    (tmp_path / 'val.csv').write_text('image,labels\na.jpg,dog\n')
    with pytest.raises(DataError, match='got others for 1 images: a.jpg'):
        check_data(images, tmp_path / 'labels.csv', tmp_path / 'val.csv')


def test_the_split_keeps_equal_images_together(images, tmp_path):
    shutil.copy(images / 'a.jpg', images / 'd e.jpg')
    check = check_data(images, tmp_path / 'labels.csv')
    names, separated = list(check.records), 0
    for seed in range(30):
        val = validation_images(check, seed)
        assert val and len({'a.jpg', 'd e.jpg'} & set(val)) != 1
        selected = stratified_split(check.label_matrix(names), VAL_FRACTION, seed)
        separated += selected[names.index('a.jpg')] != selected[names.index('d e.jpg')]
    assert separated
