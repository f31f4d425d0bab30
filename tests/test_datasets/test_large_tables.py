"""Tables read by columns and data infos as rows of bytes: as exact as row by row, small, and shared."""

import atexit
import csv
import json
import multiprocessing
import os
import random
import tempfile
import tracemalloc
from unicodedata import normalize

import numpy as np
import pytest
from torch import distributed

from mmwsl.annotations import csv_rows
from mmwsl.datasets import FolderWeakDataset, packed_infos, shared_rows
from mmwsl.datasets.shared_rows import VARIABLE
from mmwsl.utils import file_index, packed_strings
from mmwsl.utils.file_index import FileIndex
from mmwsl.utils.packed_strings import PackedStrings, repeated_strings
from tests.test_datasets.row_by_row import SUFFIXES, expected_infos

pytestmark = pytest.mark.filterwarnings('ignore:no image of')
CLASSES = ('background', 'cat', 'dog', 'horse', 'traffic light')
NAMES = ('a', 'b', 'c', 'd/a', 'd/e.f', 'f\u00fcr', 'fu\u0308r', 'x y', 'comma, quote"', '\u212a', 'K', 'A', '\u00c5')


@pytest.fixture(params=[3, None], ids=['blocks of three', 'one block'])
def blocks(request, monkeypatch):
    """Blocks of a few rows, so that a short table has several."""
    if request.param:
        for module in (csv_rows, packed_strings, packed_infos):
            monkeypatch.setattr(module, 'BLOCK', request.param)
        monkeypatch.setattr(csv_rows, 'PIECE', 20)


def make_case(draw, root):
    """Write images, a table and perhaps a list; return the files, the list, and whether there are masks."""
    files = {f'{name}{draw.choice(SUFFIXES)}' for name in draw.sample(NAMES, draw.randint(3, 9))}
    if draw.random() < 0.2:
        files.add(f'{draw.choice(sorted(files))[:-4]}.PNG')
    for file in files:
        (root / 'images' / file).parent.mkdir(parents=True, exist_ok=True)
        (root / 'images' / file).touch()
    header = draw.choice(
        [['image', 'labels'], ['labels', 'image', 'unknown'], ['x', 'image', 'labels', 'large', 'small']]
    )
    cells = ['cat', 'dog;cat', '', ' horse', '["traffic light"]', 'dog;dog', 'background']
    wrong = ['unicorn', 'nan', 'cat|dog', 'background;cat', 'c\u200bat']
    names = draw.sample(sorted(files), len(files))
    names = [name if draw.random() < 0.6 else name[:-4] for name in names]
    names = [normalize(draw.choice(['NFC', 'NFD']), name) if draw.random() < 0.1 else name for name in names]
    names += [draw.choice([*names, 'gone', '', 'image']) for _ in range(2) if draw.random() < 0.2]
    names += ['lost'] * draw.choice([0] * 20 + [1, 2])
    pool = [cell for cell in cells + wrong if cell in cells or draw.random() < 0.05]
    rows = []
    for name in names:
        labels = draw.choice(pool)
        values = dict(image=name, labels=labels, unknown=draw.choice(cells[:4]), large=labels * (draw.random() < 0.2))
        rows.append([values.get(column, '') for column in header])
        rows += [[]] * (draw.random() < 0.05)
    if draw.random() < 0.05:
        rows.insert(draw.randrange(len(rows)), draw.choice([header, ['a', 'b', 'c', 'd'], ['a']]))
    with open(root / 'labels.csv', 'w', encoding='utf-8', newline='') as file:
        csv.writer(file, quoting=draw.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])).writerows([header, *rows])
        file.write('a,"b"c\n' * (draw.random() < 0.04))
    listed = None
    if draw.random() < 0.3:
        listed = list(
            dict.fromkeys(draw.sample([name for name in names if name] + ['none'] * (draw.random() < 0.2), 3))
        )
        (root / 'list.txt').write_text('\n'.join(listed), encoding='utf-8')
    return files, listed, draw.random() < 0.4


def outcome(function):
    try:
        return function()
    except (ValueError, FileNotFoundError) as error:
        return f'{type(error).__name__}: {error}'


@pytest.mark.parametrize('seed', range(8))
def test_infos_and_errors_are_those_of_single_rows(tmp_path, blocks, seed):
    errors = 0
    for number in range(30):
        root = tmp_path / str(number)
        files, names, masks = make_case(random.Random(f'{seed} {number}'), root)

        def build(root=root, names=names, masks=masks):
            prefix = dict(img_path='images') | (dict(seg_map_path='masks') if masks else {})
            dataset = FolderWeakDataset(
                data_root=str(root),
                ann_file='list.txt' if names else '',
                label_file='labels.csv',
                data_prefix=prefix,
                metainfo=dict(classes=CLASSES),
                img_suffix=SUFFIXES,
            )
            return [dataset.get_data_info(index) for index in range(len(dataset))]

        expected = outcome(lambda args=(root, files, names, CLASSES, masks): expected_infos(*args))
        assert outcome(build) == expected
        errors += isinstance(expected, str)
    assert 5 < errors < 25, errors


@pytest.mark.parametrize(
    ('rows', 'names', 'message'),
    [
        ('a,cat\nlost,cat\nb,\nlost,dog\n', 'a b', r"csv:5: image 'lost' has labels twice \(first at .*csv:3\)"),
        ('a,cat\na.png,cat\nlost,cat\nlost,dog\n', 'a', r"csv:3: image 'a\.png' has labels twice \(first at .*csv:2\)"),
        ('lost,cat\nlost,dog\na,cat\na.png,cat\n', 'a', r"csv:3: image 'lost' has labels twice \(first at .*csv:2\)"),
        ('a,cat,dog\nb,cat\n"b"x,\n', '', r'csv:4: not a CSV row'),
        ('a,cat,dog\nb\n', '', r'csv:2: the row must have 2 cells like the header, got 3'),
        ('b,unicorn\na,pony\n', 'a b', r"csv:3: image 'a' has the unknown class 'pony'"),
    ],
)
def test_the_first_error_is_reported(tmp_path, blocks, rows, names, message):
    (tmp_path / 'images').mkdir()
    for name in 'ab':
        (tmp_path / f'images/{name}.png').touch()
    (tmp_path / 'labels.csv').write_text(f'image,labels\n{rows}')
    (tmp_path / 'list.txt').write_text(names.replace(' ', '\n'))
    lists = dict(ann_file='list.txt' if names else '', label_file='labels.csv', data_prefix=dict(img_path='images'))
    with pytest.raises(ValueError, match=message):
        FolderWeakDataset(data_root=str(tmp_path), metainfo=dict(classes=CLASSES), **lists)


def test_masks_with_unusual_names(tmp_path):
    composed, decomposed = 'f\u00fcr', 'fu\u0308r'
    for name in (f'images/{composed}.png', f'images/{composed}.jpg', f'masks/{decomposed}.jpg.png', 'images/a.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    prefix = dict(img_path='images', seg_map_path='masks')
    dataset = FolderWeakDataset(data_root=str(tmp_path), metainfo=dict(classes=CLASSES), data_prefix=prefix)
    masks = [os.path.relpath(dataset.get_data_info(index)['seg_map_path'], tmp_path / 'masks') for index in range(3)]
    assert masks == ['a.png', f'{decomposed}.jpg.png', f'{composed}.png.png']


@pytest.mark.parametrize('distinct', [1, 2, 7, 10**9])
def test_files_are_found_although_hashes_collide(monkeypatch, distinct):
    exact = file_index.hash_strings
    monkeypatch.setattr(file_index, 'hash_strings', lambda strings: exact(strings) % distinct)
    index = FileIndex(['b.jpg', 'a.jpg', 'a.b.png', 'fu\u0308r.png', 'f\u00fcr.png', 'u\u0308.jpg'], ('.jpg', '.png'))
    names = ['a', 'b.jpg', 'c', 'f\u00fcr.png', 'fu\u0308r.png', '\u00fc', 'a.b', 'a.jpg.png']
    assert index.find(names).tolist() == [1, 0, -1, 4, 3, 5, 2, -1]
    with pytest.raises(ValueError, match=r"'f\u00fcr' matches several files: fu\u0308r\.png, f\u00fcr\.png"):
        index.find(['f\u00fcr'])
    assert FileIndex([]).find(['a']).tolist() == [-1]


def test_packed_strings(blocks):
    blocks_ = [['a', '', '\u00fc'], ['two\nlines', 'b'], ['']]
    packed = PackedStrings()
    for block in blocks_:
        packed.append_block(block)
    flat = [string for block in blocks_ for string in block]
    assert list(packed) == flat and [packed[place] for place in range(-6, 6)] == flat * 2 and packed[1:4] == flat[1:4]
    with pytest.raises(IndexError):
        packed[6]
    assert repeated_strings(lambda: iter(flat)) == {''}


@pytest.fixture
def table(tmp_path):
    """3000 images in a table."""
    (tmp_path / 'images').mkdir()
    for number in range(3000):
        (tmp_path / f'images/{number:06d}.jpg').touch()
    rows = (f'{number:06d}.jpg,{CLASSES[1 + number % 3]}\n' for number in range(3000))
    (tmp_path / 'labels.csv').write_text('image,labels\n' + ''.join(rows))
    return dict(
        data_root=str(tmp_path),
        label_file='labels.csv',
        data_prefix=dict(img_path='images'),
        metainfo=dict(classes=CLASSES),
    )


def labels_of(dataset):
    return [dataset.get_data_info(index)['img_label'] for index in range(len(dataset))]


def test_rows_are_small_and_no_objects_remain(table):
    FolderWeakDataset(**table)  # what is imported at the first use
    tracemalloc.start()
    dataset = FolderWeakDataset(**table)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 40 * 3000 + 20_000 and peak < 450 * 3000 + 2 * (packed_strings.BLOCK << 4)
    assert labels_of(dataset) == [[1 + number % 3] for number in range(3000)]


def test_a_subclass_may_change_the_infos(table):
    class Doubled(FolderWeakDataset):
        def load_data_list(self):
            infos = super().load_data_list()
            for info in infos:
                info['weight'] = len(info['img_label'])
            return infos + infos[:5]

    dataset = Doubled(**table)
    assert len(dataset) == 3005 and dataset.get_data_info(3004)['weight'] == 1
    assert dataset.get_data_info(3004) == dataset.get_data_info(4) | dict(sample_idx=3004)


def test_filters_and_subsets_of_packed_rows(table):
    dataset = FolderWeakDataset(**table, filter_cfg=dict(per_class=dict(count=10)), indices=list(range(0, 30, 2)))
    assert len(dataset) == 15 and dataset.data_bytes.dtype == np.uint8
    part = dataset.get_subset([3, -1])
    assert [part.get_data_info(i)['img_path'] for i in (0, 1)] == [
        dataset.get_data_info(i)['img_path'] for i in (3, 14)
    ]
    assert part.get_data_info(-2)['sample_idx'] == 0


def build_at_once(table, shared, barrier, out):
    os.environ[VARIABLE] = str(shared)
    barrier.wait()
    dataset = FolderWeakDataset(**table)
    out.write_text(json.dumps([labels_of(dataset), type(dataset.data_bytes.base).__name__]))


def build_as_rank(rank, table, folder, threshold):
    """Build a dataset as one of two ranks, and write its labels, where its rows lie, and who loaded them."""
    os.environ |= dict(RANK=str(rank), WORLD_SIZE='2', LOCAL_RANK=str(rank), MASTER_ADDR='127.0.0.1')
    tempfile.tempdir, shared_rows.SHARED_BYTES = str(folder), threshold
    distributed.init_process_group('gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
    loads = []

    class Counted(FolderWeakDataset):
        def _load_infos(self):
            loads.append(rank)
            return super()._load_infos()

    dataset = Counted(**table)
    names = [path.name for path in folder.glob('mmwsl_rows_*')]
    kind = type(dataset.data_bytes.base).__name__
    (folder / f'{rank}.json').write_text(json.dumps([labels_of(dataset), kind, len(names), len(loads)]))
    distributed.barrier()
    distributed.destroy_process_group()
    atexit._run_exitfuncs()  # multiprocessing leaves by os._exit


@pytest.mark.parametrize('threshold, kind, folders', [(0, 'memmap', 1), (10**9, 'memoryview', 0)])
def test_ranks_share_the_rows_of_large_files_in_a_folder_that_ends_with_them(table, tmp_path, threshold, kind, folders):
    context, folder = multiprocessing.get_context('fork'), tmp_path / 'temporary'
    folder.mkdir()
    processes = [context.Process(target=build_as_rank, args=(rank, table, folder, threshold)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = [json.loads((folder / f'{rank}.json').read_text()) for rank in range(2)]
    expected = labels_of(FolderWeakDataset(**table))
    assert [one[:3] for one in found] == [[expected, kind, folders]] * 2
    assert sum(one[3] for one in found) == (1 if folders else 2)
    assert not list(folder.glob('mmwsl_rows_*'))


def test_processes_share_the_rows(table, tmp_path, monkeypatch):
    context, shared = multiprocessing.get_context('fork'), tmp_path / 'shared'
    outputs, barrier = [tmp_path / f'{rank}.json' for rank in range(3)], context.Barrier(3)
    processes = [context.Process(target=build_at_once, args=(table, shared, barrier, out)) for out in outputs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = [json.loads(out.read_text()) for out in outputs]
    expected = labels_of(FolderWeakDataset(**table))
    assert all(labels == expected and kind == 'memmap' for labels, kind in found)
    files = sorted(shared.iterdir())
    assert [file.suffixes for file in files] == [['.ends', '.npy'], ['.rows', '.npy']]

    monkeypatch.setenv(VARIABLE, str(shared))
    times = [file.stat().st_mtime_ns for file in files]
    assert labels_of(FolderWeakDataset(**table, filter_cfg=dict(max_labels=1), indices=7)) == expected[:7]
    reduced = FolderWeakDataset(**(table | dict(metainfo=dict(classes=('background', 'horse', 'dog', 'cat')))))
    assert labels_of(reduced)[:3] == [[3], [2], [1]]
    path = tmp_path / 'labels.csv'
    path.write_text(path.read_text().replace('000000.jpg,cat', '000000.jpg,cat;dog'))
    assert labels_of(FolderWeakDataset(**table))[0] == [1, 2]
    assert [file.stat().st_mtime_ns for file in files] == times
    path.write_text(path.read_text() + 'gone.jpg,cat\n')
    for _ in range(2):  # an error is not shared
        with pytest.raises(FileNotFoundError, match='1 of the 3001 images'):
            FolderWeakDataset(**table)
