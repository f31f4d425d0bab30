"""Names of files and folders: records and masks within the folder, or one clear error."""

import json
import os
import shutil

from hypothesis import given
from hypothesis import strategies as st

from mmwsl.annotations import read_class_folders, read_image_labels
from mmwsl.apis.coco_masks import write_coco_masks
from mmwsl.utils.files import is_inside

from .test_fuzz import PROFILE

PIECES = [
    *('..', '.', '', '/', '\\', '~', 'C:', 'a', 'cat', 'background', 'train', 'é'),
    *('\0', '\n', '\x1b[2J', '\ud800', '=1'),
]
PIECE = st.sampled_from(PIECES) | st.text(max_size=6)
NAMES = st.lists(PIECE, max_size=5).map('/'.join) | st.text(max_size=9)
ENTRIES = st.lists(
    st.binary(min_size=1, max_size=12).filter(lambda name: not {*name} & {*b'\0/'} and name not in (b'.', b'..')),
    min_size=1,
    max_size=4,
)
"""Names that a file system may have: any bytes."""


def clear(error):
    message = str(error)
    assert message and message.isprintable() and len(message) < 1500, message


def test_any_paths_give_records_of_class_folders_or_an_error():
    outcomes = set()

    @PROFILE
    @given(st.lists(NAMES.map(lambda name: f'{name}.png'), max_size=4), st.sampled_from(['background', None]))
    def check(names, background):
        try:
            records = read_class_folders(names, background, 'images')
        except ValueError as error:
            clear(error)
            outcomes.add(False)
            return
        outcomes.add(True)
        assert len(records) == len(names)
        for record in records:
            assert is_inside(record.image) and len(record.labels) <= 1 and all(record.labels), record

    check()
    assert outcomes == {True, False}


def test_any_class_folders_on_the_disk_give_records_or_an_error(tmp_path):
    outcomes = set()

    @PROFILE
    @given(ENTRIES, ENTRIES)
    def check(folders, files):
        root = tmp_path / 'root'
        shutil.rmtree(root, ignore_errors=True)
        for folder, file in zip(folders, files, strict=False):
            path = os.path.join(os.fsencode(root), folder)
            os.makedirs(path, exist_ok=True)
            open(os.path.join(path, file + b'.png'), 'wb').close()
        try:
            records, _ = read_image_labels(root)
        except (ValueError, FileNotFoundError) as error:
            clear(error)
            outcomes.add(False)
            return
        outcomes.add(True)
        for record in records:
            assert is_inside(record.image) and (root / record.image).is_file(), record

    check()
    assert True in outcomes


def test_masks_of_any_names_are_written_in_the_folder_only(tmp_path):
    outcomes = set()

    @PROFILE
    @given(st.lists(NAMES, min_size=1, max_size=3))
    def check(names):
        root = tmp_path / 'a' / 'b'
        shutil.rmtree(tmp_path / 'a', ignore_errors=True)
        root.mkdir(parents=True)
        images = [dict(id=index, file_name=name, height=2, width=3) for index, name in enumerate(names)]
        (tmp_path / 'coco.json').write_text(json.dumps(dict(images=images, categories=[], annotations=[])))
        try:
            write_coco_masks(tmp_path / 'coco.json', root / 'out')
        except (ValueError, OSError) as error:
            clear(error)
            outcomes.add(False)
            assert not (root / 'out').exists()
            return
        outcomes.add(True)
        written = [path for path in tmp_path.rglob('*.png')]
        assert len(written) == len(names) and all((root / 'out') in path.parents for path in written)

    check()
    assert outcomes == {True, False}
