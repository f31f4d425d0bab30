"""What the comparison is made of: runs on disk, what their labels cost, and the table."""

import csv
import io
import json
import shutil

import pytest
import torch
from mmengine.config import Config

from mmwsl.apis.comparison import RunError
from mmwsl.apis.comparison.chart import draw_chart
from mmwsl.apis.comparison.measurement import window_size
from mmwsl.apis.comparison.report import check_comparable, table_rows, to_csv, to_json, to_markdown
from mmwsl.apis.comparison.runs import find_run, find_runs
from mmwsl.apis.supervision import measure_supervision
from tests.conftest import write_scenes

# Runs on disk


@pytest.fixture
def work_dir(tmp_path):
    """A finished training: two checkpoints and the config."""
    folder = tmp_path / 'trained'
    folder.mkdir()
    (folder / 'tiny.py').write_text('model = dict()')
    for epoch in (1, 2):
        torch.save({}, folder / f'epoch_{epoch}.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_2.pth'))
    return folder


def test_a_run_is_a_folder_or_a_pair(work_dir):
    run = find_run(f'{work_dir}/')
    assert (run.name, run.config.name, run.checkpoint.name) == ('trained', 'tiny.py', 'epoch_2.pth')
    pair = find_run(f'{work_dir}/tiny.py:{work_dir}/epoch_1.pth')
    assert (pair.name, pair.config, pair.checkpoint) == ('tiny', work_dir / 'tiny.py', work_dir / 'epoch_1.pth')


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda folder: folder.rename(folder.with_name('gone')), "trained' is not a folder"),
        (lambda folder: (folder / 'tiny.py').unlink(), "trained' must hold one config, but has none"),
        (lambda folder: (folder / 'other.py').write_text(''), 'but has other.py, tiny.py. .* CONFIG:CHECKPOINT'),
        (
            lambda folder: [file.write_bytes(b'PK') for file in folder.glob('*.pth')],
            "trained' has no complete checkpoint",
        ),
    ],
)
def test_a_run_that_is_not_complete_is_named(work_dir, spoil, message):
    spoil(work_dir)
    with pytest.raises(RunError, match=message):
        find_run(str(work_dir))


def test_pairs_and_names_are_checked(work_dir):
    with pytest.raises(RunError, match=r'none\.pth does not exist'):
        find_run(f'{work_dir}/tiny.py:none.pth')
    with pytest.raises(RunError, match="two runs are called 'trained'"):
        find_runs([str(work_dir), str(work_dir)])


# What labels cost

LOAD = dict(type='mmwsl.LoadImageAsBGR')
MASKS = [LOAD, dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
TAGS = [LOAD, dict(type='mmwsl.PackImageLabelInputs')]


@pytest.fixture
def dataset(tmp_path):
    """A function that makes the config of a dataset of seven images with one square each; the tags know of four."""
    write_scenes(tmp_path / 'scenes')
    rows = [f'{index}.png,{"square" if index < 4 else ""}' for index in range(7)]
    (tmp_path / 'scenes' / 'tags.csv').write_text('\n'.join(['image,labels', *rows]))

    def make(pipeline, tags=True, **kwargs):
        return dict(
            type='mmwsl.FolderWeakDataset',
            data_root=str(tmp_path / 'scenes'),
            label_file='tags.csv' if tags else '',
            metainfo=dict(classes=('background', 'square')),
            img_suffix='.png',
            pipeline=pipeline,
            data_prefix=dict(img_path='images', **(dict(seg_map_path='masks') if pipeline is MASKS else {})),
            **kwargs,
        )

    return make


def _measure(dataset, **settings):
    result = measure_supervision(Config(dict(train_dataloader=dict(dataset=dataset), **settings)))
    return result.kind, result.images, result.labels, result.seconds


def test_tags_open_no_mask(dataset, tmp_path):
    for mask in (tmp_path / 'scenes' / 'masks').glob('*.png'):
        mask.write_bytes(b'whoever opens it fails')
    assert _measure(dataset(TAGS)) == ('tags', 7, 4, 4.0)
    assert _measure(dataset(TAGS, indices=2)) == ('tags', 2, 2, 2.0)


def test_sizes_are_more_than_tags(dataset, tmp_path):
    (tmp_path / 'scenes' / 'tags.csv').write_text(
        '\n'.join(
            ['image,labels,large', *(f'{index}.png,square,{"square" if index == 5 else ""}' for index in range(7))]
        )
    )
    assert _measure(dataset(TAGS)) == ('tags and sizes', 7, 7, 14.0)
    assert _measure(dataset(MASKS))[0] == 'masks'


def test_masks_are_counted_by_the_tags_or_by_themselves(dataset):
    assert _measure(dataset(MASKS)) == ('masks', 7, 4, 4 * 79.0)
    assert _measure(dataset(MASKS, tags=False)) == ('masks', 7, 7, 7 * 79.0)


def test_pseudo_labels_cost_their_tags(dataset, tmp_path):
    path = dataset(MASKS)['data_prefix']['seg_map_path']
    named = dict(pseudo_labels=dict(data_prefix=dict(seg_map_path=path)))
    assert _measure(dataset(MASKS), **named) == ('pseudo-labels', 7, 4, 4.0)
    (tmp_path / 'scenes' / 'manifest.json').write_text('{}')
    assert _measure(dataset(MASKS)) == ('pseudo-labels', 7, 4, 4.0)
    shutil.rmtree(tmp_path / 'scenes' / 'masks')  # tags are counted, masks are not opened
    assert _measure(dataset(MASKS)) == ('pseudo-labels', 7, 4, 4.0)
    with pytest.raises(ValueError, match='pseudo-labels has no tags to count: give its dataset the `label_file`'):
        _measure(dataset(MASKS, tags=False))


def test_the_masks_that_tuned_pseudo_labels_are_named(dataset, tmp_path):
    cfg = Config(dict(train_dataloader=dict(dataset=dataset(MASKS))))
    manifest = tmp_path / 'scenes' / 'manifest.json'
    rule = dict(rule=dict(tuned_on='set b'))
    for content, text in (
        (dict(), ''),
        (dict(provenance=dict(tags='all', tuned_on='set a')), 'set a'),
        (dict(provenance=dict(tuned_on='set a'), masks=rule), 'set a; set b'),
        (dict(provenance=dict(labels_tuned_on='set c; set b'), masks=rule), 'set c; set b; set b'),
    ):
        manifest.write_text(json.dumps(content))
        assert measure_supervision(cfg).tuned_on == text
    manifest.unlink()
    cfg.pseudo_labels = dict(data_prefix=dict(seg_map_path=cfg.train_dataloader.dataset.data_prefix.seg_map_path))
    assert measure_supervision(cfg).tuned_on == f'unknown, {manifest} is not there'


def test_parts_of_a_mixed_set_add_up(dataset):
    both = dict(type='ConcatDataset', datasets=[dataset(MASKS, indices=2), dataset(TAGS)])
    assert _measure(both) == ('masks + tags', 9, 6, 2 * 79.0 + 4)
    repeated = dict(type='RepeatDataset', times=5, dataset=dataset(TAGS))
    assert _measure(repeated) == ('tags', 7, 4, 4.0)


# The table


def _result(miou, kind, architecture='a', **kwargs):
    seconds = 79.0 if kind == 'masks' else 1.0
    return dict(
        dict(
            mIoU=miou,
            classes=dict(background=90.0, cat=None),
            names='n',
            images=3,
            architecture=architecture,
            macs=2e9,
            parameters=1500000,
            images_per_second=2.5,
            provenance={},
            supervision=dict(kind=kind, images=5, labels=100, seconds=100 * seconds),
        ),
        **kwargs,
    )


RESULTS = dict(
    weak=_result(30.0, 'tags', 'w', provenance=dict(tuned_on='masks of train')),
    pseudo=_result(45.0, 'pseudo-labels'),
    twin=_result(50.0, 'masks'),
    better=_result(60.0, 'masks', 'b'),
)


def test_share_is_of_the_twin_or_of_the_best_run_with_masks():
    rows = {row['run']: row for row in table_rows(RESULTS)}
    assert (rows['pseudo']['ratio_to_full'], rows['pseudo']['full']) == (90.0, 'twin')
    assert (rows['weak']['ratio_to_full'], rows['weak']['full']) == (50.0, 'better')
    assert rows['twin']['ratio_to_full'] is None and rows['better']['full'] is None
    assert (rows['weak']['annotation_seconds'], rows['twin']['annotation_seconds']) == (100.0, 7900.0)
    alone = table_rows({'weak': RESULTS['weak']})
    assert alone[0]['ratio_to_full'] is None
    weak, blind = table_rows({'weak': RESULTS['weak'], 'blind': _result(0.0, 'masks')})
    assert weak['ratio_to_full'] is weak['full'] is None and blind['mIoU'] == 0.0


def test_three_forms_hold_the_same():
    rows = table_rows(RESULTS)
    assert json.loads(to_json(rows)) == rows
    read = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert [row['run'] for row in read] == list(RESULTS) and float(read[3]['mIoU']) == 60.0
    lines = to_markdown(rows, ['A note.']).splitlines()
    assert lines[0].startswith('| run | supervision | labels | annotation h | mIoU | of full | background | cat |')
    assert lines[3] == ('| pseudo | pseudo-labels | 100 | 0.0 | 45.0 | 90.0 % of twin | 90.0 |  | 1.50 | 2.00 | 2.5 |')
    assert lines[7:] == ['A note.', '', 'weak: tuned_on: masks of train.']


def test_chart_has_a_bar_for_each_number_and_a_point_for_each_run(tmp_path):
    figure = draw_chart(table_rows(RESULTS))
    bars, costs = figure.axes
    heights = [[bar.get_height() for bar in group] for group in bars.containers]
    assert [group[:2] for group in heights] == [[30.0, 90.0], [45.0, 90.0], [50.0, 90.0], [60.0, 90.0]]
    assert [line.get_ydata()[0] for line in costs.lines] == [30.0, 45.0, 50.0, 60.0]
    figure.savefig(tmp_path / 'chart.png')


@pytest.mark.parametrize(
    'other',
    [_result(1.0, 'tags', names='others', images=9), _result(1.0, 'tags', classes=dict(background=1.0, dog=2.0))],
)
def test_runs_of_other_test_sets_are_named(other):
    with pytest.raises(RunError, match=f"run 'other' was evaluated on other .*{other['images']} images, 2 classes"):
        check_comparable(dict(weak=RESULTS['weak'], other=other))
    check_comparable(RESULTS)


@pytest.mark.parametrize(
    'test_cfg, size',
    [
        (dict(mode='whole'), None),
        (dict(mode='slide', crop_size=(64, 96), stride=(32, 32)), (64, 96)),
        (dict(mode='whole', overlap_tile=dict(tile=256, margin=128)), (512, 512)),
    ],
)
def test_work_is_counted_in_the_windows_of_prediction(test_cfg, size):
    assert window_size(test_cfg) == size
