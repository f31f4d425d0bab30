"""Folders and files of commands: what they accept, and what they remove."""

import os

import pytest

from mmwsl.utils.nested import dataset_paths
from mmwsl.utils.output_folder import RECORD, OutputFolder
from mmwsl.utils.output_path import OutputError, check_apart, check_output_file


def make(folder, *names):
    """Write a file of its own name for each name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def content(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.name != RECORD)


@pytest.fixture
def out(tmp_path):
    """A folder with results of the command `a`."""
    folder = OutputFolder(tmp_path / 'out', 'a')
    folder.check()
    assert not folder.root.exists()
    folder.begin(['x.png', 'sub/y.png', 'tree/deep/z.png'])
    make(folder.root, 'x.png', 'sub/y.png', 'tree/deep/z.png')
    return folder.root


def test_results_are_replaced_only_if_asked_for(out):
    with pytest.raises(OutputError, match=r'got .* sub/y.png, tree/deep/z.png, x.png of an earlier run'):
        OutputFolder(out, 'a').check()
    OutputFolder(out, 'a').check(reuse=True)
    OutputFolder(out, 'a', overwrite=True).check()
    with pytest.raises(OutputError, match=r'or hold results of `b`, got .* with sub, tree, x.png. Pass another'):
        OutputFolder(out, 'b').check(reuse=True)


def test_a_folder_with_anything_else_is_rejected(tmp_path):
    folder = OutputFolder(tmp_path / 'out', 'a', logs=['my.log'])
    make(tmp_path / 'out', '.hidden', 'Thumbs.db', 'my.log', 'tmp1.part')
    folder.check()
    (tmp_path / 'out' / 'empty').mkdir()
    with pytest.raises(OutputError, match='with empty. Pass another folder, or --overwrite to add'):
        folder.check(reuse=True)
    OutputFolder(tmp_path / 'out', 'a', '`folder`').root.joinpath('empty').rmdir()


def test_old_results_go_and_other_files_stay(out):
    make(out, 'mine.txt', 'sub/mine.txt')
    OutputFolder(out, 'b', overwrite=True).begin(['of_b.png'])
    make(out, 'of_b.png')
    folder = OutputFolder(out, 'a', overwrite=True)
    folder.begin(['x.png'])
    assert content(out) == ['mine.txt', 'of_b.png', 'sub', 'sub/mine.txt']
    assert folder.made() == {'x.png'} and OutputFolder(out, 'b').made() == {'of_b.png'}


def test_results_stay_where_a_run_continues(out):
    before = content(out)
    folder = OutputFolder(out, 'a')
    folder.begin(['x.png', 'new.png'], keep=True)
    folder.add('later.png')
    assert content(out) == before
    assert folder.made() == {'x.png', 'sub/y.png', 'tree/deep/z.png', 'new.png', 'later.png'}


def test_the_second_of_two_runs_at_once_is_rejected(tmp_path):
    first, second = (OutputFolder(tmp_path / 'out', 'a') for _ in range(2))
    first.check()
    second.check()
    first.begin(['x.png'])
    make(tmp_path / 'out', 'x.png')
    with pytest.raises(OutputError, match='--out must be the folder of one run, got .*, in which another `a` began'):
        second.begin(['x.png', 'y.png'])
    assert content(tmp_path / 'out') == ['x.png'] and first.made() == {'x.png'}


def test_a_file_of_someone_else_is_not_replaced(out):
    make(out, 'mine.png')
    for call in (OutputFolder(out, 'a').begin, lambda names: OutputFolder(out, 'a').check(reuse=True, names=names)):
        with pytest.raises(OutputError, match='results of `a` only, got other files mine.png in'):
            call(['x.png', 'tree/deep/z.png', 'mine.png'])
    assert {'x.png', 'mine.png', 'sub/y.png'} <= {*content(out)}  # nothing was removed before the check


def test_a_subfolder_holds_results_only(out):
    OutputFolder(out, 'a').check(reuse=True, names=['tree/', 'new/'])
    make(out, 'tree/deep/.DS_Store', 'tree/deep/mine.png', 'sub/mine.txt')
    with pytest.raises(OutputError, match='results of `a` only, got other files tree/ in'):
        OutputFolder(out, 'a').check(reuse=True, names=['tree/'])


def test_results_in_a_subfolder_are_replaced_by_those_of_another_folder(out):
    make(out, 'mine.png', 'tree/mine.png', '.new/deep/w.png', '.new/w.png')
    folder = OutputFolder(out, 'a')
    folder.replace('tree/', out / '.new')
    others = ['mine.png', 'sub', 'sub/y.png', 'tree', 'tree/deep', 'tree/deep/w.png']
    assert content(out) == [*others, 'tree/mine.png', 'tree/w.png', 'x.png']
    assert (out / 'tree/w.png').read_text() == '.new/w.png'
    assert folder.made() == {'x.png', 'sub/y.png', 'tree/deep/w.png', 'tree/w.png'}
    make(out, '.new/mine.png')
    with pytest.raises(OutputError, match='other files tree/mine.png in'):
        folder.replace('tree/', out / '.new')
    assert (out / 'tree/deep/w.png').exists() and (out / 'tree/mine.png').read_text() == 'tree/mine.png'


@pytest.mark.parametrize('line', ['["a", "../kept.txt"]', '["a", "/kept.txt"]', '["a", "."]', '["a", "x', '[1]', '3'])
def test_a_damaged_or_hostile_record_removes_nothing_elsewhere(out, tmp_path, line):
    make(tmp_path, 'kept.txt')
    with open(out / RECORD, 'a') as file:
        file.write(line)
    folder = OutputFolder(out, 'a', overwrite=True)
    folder.begin(['new.png'], keep=True)
    assert folder.made() == {'x.png', 'sub/y.png', 'tree/deep/z.png', 'new.png'}
    folder.clear()
    assert (tmp_path / 'kept.txt').exists() and content(out) == []


def test_a_linked_folder_is_not_followed(out, tmp_path):
    make(tmp_path / 'elsewhere', 'kept.txt')
    (out / 'link').symlink_to(tmp_path / 'elsewhere')
    OutputFolder(out, 'a').add('link')
    OutputFolder(out, 'a').clear()
    assert (tmp_path / 'elsewhere' / 'kept.txt').exists() and not (out / 'link').is_symlink()


def test_outputs_and_inputs_are_apart(tmp_path):
    make(tmp_path / 'data', 'images/a.png', 'list.txt')
    (tmp_path / 'link').symlink_to(tmp_path / 'data')
    inputs = [tmp_path / 'data/images', tmp_path / 'data/list.txt']
    for out in ('data/images', 'data/images/sub/out', 'data', '.', 'link/images', 'link/images/new', 'data/list.txt'):
        with pytest.raises(OutputError, match=f'--out must be apart from the images, labels and masks, got .*{out}'):
            OutputFolder(tmp_path / out, 'a', overwrite=True).check(inputs)
    for out in ('data/masks', 'data/images2', 'out'):
        check_apart(tmp_path / out, inputs)


def test_a_folder_that_cannot_be_made_is_rejected(tmp_path):
    make(tmp_path, 'file')
    for out in ('file', 'file/sub'):
        with pytest.raises(OutputError, match='--out must be a folder, got .*is a file'):
            OutputFolder(tmp_path / out, 'a').check()


@pytest.mark.parametrize(
    'path, message',
    [
        ('folder', 'must be a file, got the folder'),
        ('none/file.json', 'must be in an existing folder'),
        ('old.json', 'must be a new file, got .*old.json'),
    ],
)
def test_files(tmp_path, path, message):
    make(tmp_path, 'old.json', 'folder/x')
    with pytest.raises(OutputError, match=f'--out {message}'):
        check_output_file(tmp_path / path)
    check_output_file(tmp_path / 'new.json')
    check_output_file(tmp_path / 'none/new.json', make_folder=True)
    check_output_file(tmp_path / 'old.json', overwrite=True)
    with pytest.raises(OutputError, match='must be apart'):
        check_output_file(tmp_path / 'old.json', overwrite=True, inputs=[tmp_path / 'old.json'])
    assert (tmp_path / 'old.json').read_text() == 'old.json'


def test_inputs_of_a_config(tmp_path, monkeypatch):
    make(tmp_path / 'data', 'images/a.png', 'masks/a.png', 'lists/val.txt', 'proposals/a.npz')
    make(tmp_path, 'horizontal')
    monkeypatch.chdir(tmp_path)
    part = dict(
        type='lists',
        data_root='data',
        ann_file='lists/val.txt',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        pipeline=[dict(type='X', folder='proposals'), dict(type='RandomFlip', direction='vertical')],
    )
    flat = dict(type='Y', data_root='data', data_prefix=dict(img_path='', seg_map_path=''), label_file='')
    wrapped = dict(type='ConcatDataset', datasets=[part, dict(part, data_prefix=dict(img_path=f'{tmp_path}/data'))])
    found = dataset_paths(dict(train_dataloader=dict(dataset=wrapped), test_dataloader=dict(dataset=part)))
    expected = ['data/lists/val.txt', 'data/images', 'data/masks', 'data/proposals', f'{tmp_path}/data']
    assert sorted(found) == sorted(expected)
    assert dataset_paths(dict(val_dataloader=dict(dataset=flat))) == [os.path.join('data', '')]
    assert dataset_paths(dict(test_dataloader=None)) == []
