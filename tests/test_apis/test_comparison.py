"""Parts of the comparison: runs on disk, annotation time, and the table."""

import csv
import io
import json
import shutil

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from mmwsl.apis.comparison import RunError
from mmwsl.apis.comparison.measurement import class_iou_only, window_size
from mmwsl.apis.comparison.report import check_comparable, table_rows, to_csv, to_json, to_markdown
from mmwsl.apis.comparison.runs import find_run, find_runs
from mmwsl.apis.supervision import measure_supervision
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import MODELS
from mmwsl.visualization import draw_chart
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
    with pytest.raises(RunError, match=r"run 'wsl_lse_vco\.py:.*Similar names: .*wsl_lse_voc"):
        find_run(f'wsl_lse_vco.py:{work_dir}/epoch_1.pth')
    assert find_run(f'wsl_lse_voc.py:{work_dir}/epoch_1.pth').name == 'wsl_lse_voc'
    with pytest.raises(RunError, match="two runs are named 'trained'"):
        find_runs([str(work_dir), str(work_dir)])


# Annotation time

LOAD = dict(type='mmwsl.LoadImageAsBGR')
MASKS = [LOAD, dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
LABELS = [LOAD, dict(type='mmwsl.PackImageLabelInputs')]


@pytest.fixture
def dataset(tmp_path):
    """Return a function that makes the config of a dataset of seven images with a square, four of them labeled."""
    write_scenes(tmp_path / 'scenes')
    rows = [f'{index}.png,{"square" if index < 4 else ""}' for index in range(7)]
    (tmp_path / 'scenes' / 'labels.csv').write_text('\n'.join(['image,labels', *rows]))

    def make(pipeline, labeled=True, **kwargs):
        return dict(
            type='mmwsl.FolderWeakDataset',
            data_root=str(tmp_path / 'scenes'),
            label_file='labels.csv' if labeled else '',
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


def test_image_level_labels_open_no_mask(dataset, tmp_path):
    for mask in (tmp_path / 'scenes' / 'masks').glob('*.png'):
        mask.write_bytes(b'cannot be opened')
    assert _measure(dataset(LABELS)) == ('image labels', 7, 4, 4.0)
    assert _measure(dataset(LABELS, indices=2)) == ('image labels', 2, 2, 2.0)


def test_sizes_count_in_addition_to_image_level_labels(dataset, tmp_path):
    (tmp_path / 'scenes' / 'labels.csv').write_text(
        '\n'.join(
            ['image,labels,large', *(f'{index}.png,square,{"square" if index == 5 else ""}' for index in range(7))]
        )
    )
    assert _measure(dataset(LABELS)) == ('image labels and sizes', 7, 7, 14.0)
    assert _measure(dataset(MASKS))[0] == 'masks'


def test_masks_are_counted_by_the_image_level_labels_or_by_their_classes(dataset):
    assert _measure(dataset(MASKS)) == ('masks', 7, 4, 4 * 79.0)
    assert _measure(dataset(MASKS, labeled=False)) == ('masks', 7, 7, 7 * 79.0)


def test_pseudo_labels_cost_their_image_level_labels(dataset, tmp_path):
    path = dataset(MASKS)['data_prefix']['seg_map_path']
    named = dict(pseudo_labels=dict(data_prefix=dict(seg_map_path=path)))
    assert _measure(dataset(MASKS), **named) == ('pseudo-labels', 7, 4, 4.0)
    (tmp_path / 'scenes' / 'manifest.json').write_text('{}')
    assert _measure(dataset(MASKS)) == ('pseudo-labels', 7, 4, 4.0)
    shutil.rmtree(tmp_path / 'scenes' / 'masks')  # image-level labels are counted, masks are not opened
    assert _measure(dataset(MASKS)) == ('pseudo-labels', 7, 4, 4.0)
    with pytest.raises(
        ValueError, match='pseudo-labels must have image-level labels to count, got none. Set the `label_file`'
    ):
        _measure(dataset(MASKS, labeled=False))


def test_the_masks_that_tuned_pseudo_labels_are_named(dataset, tmp_path):
    cfg = Config(dict(train_dataloader=dict(dataset=dataset(MASKS))))
    manifest = tmp_path / 'scenes' / 'manifest.json'
    rule = dict(rule=dict(tuned_on='set b'))
    for content, text in (
        (dict(), ''),
        (dict(provenance=dict(image_labels='all', tuned_on='set a')), 'set a'),
        (dict(provenance=dict(tuned_on='set a'), masks=rule), 'set a; set b'),
        (dict(provenance=dict(labels_tuned_on='set c; set b'), masks=rule), 'set c; set b; set b'),
    ):
        manifest.write_text(json.dumps(content))
        assert measure_supervision(cfg).tuned_on == text
    manifest.unlink()
    cfg.pseudo_labels = dict(data_prefix=dict(seg_map_path=cfg.train_dataloader.dataset.data_prefix.seg_map_path))
    assert measure_supervision(cfg).tuned_on == f'unknown, {manifest} does not exist'


def test_parts_of_a_mixed_set_add_up(dataset):
    both = dict(type='ConcatDataset', datasets=[dataset(MASKS, indices=2), dataset(LABELS)])
    assert _measure(both) == ('masks + image labels', 9, 6, 2 * 79.0 + 4)
    repeated = dict(type='RepeatDataset', times=5, dataset=dataset(LABELS))
    assert _measure(repeated) == ('image labels', 7, 4, 4.0)


# The table


def _result(miou, kind, architecture='a', **kwargs):
    seconds = 79.0 if kind == 'masks' else 1.0
    return dict(
        dict(
            mIoU=miou,
            classes=dict(background=90.0, cat=None),
            contents='n',
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
    weak=_result(30.0, 'image labels', 'w', provenance=dict(tuned_on='masks of train')),
    pseudo=_result(45.0, 'pseudo-labels'),
    counterpart=_result(50.0, 'masks'),
    better=_result(60.0, 'masks', 'b'),
)


def test_the_ratio_is_to_the_fully_supervised_counterpart_or_the_best_run_with_masks():
    rows = {row['run']: row for row in table_rows(RESULTS)}
    assert (rows['pseudo']['ratio_to_full'], rows['pseudo']['full_run']) == (90.0, 'counterpart')
    assert (rows['weak']['ratio_to_full'], rows['weak']['full_run']) == (50.0, 'better')
    assert rows['counterpart']['ratio_to_full'] is None and rows['better']['full_run'] is None
    assert (rows['weak']['annotation_seconds'], rows['counterpart']['annotation_seconds']) == (100.0, 7900.0)
    alone = table_rows({'weak': RESULTS['weak']})
    assert alone[0]['ratio_to_full'] is None
    weak, blind = table_rows({'weak': RESULTS['weak'], 'blind': _result(0.0, 'masks')})
    assert weak['ratio_to_full'] is weak['full_run'] is None and blind['mIoU'] == 0.0


def test_all_formats_contain_the_same():
    rows = table_rows(RESULTS)
    assert json.loads(to_json(rows)) == rows
    read = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert [row['run'] for row in read] == list(RESULTS) and float(read[3]['mIoU']) == 60.0
    lines = to_markdown(rows, ['A note.']).splitlines()
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines[:6]]
    assert cells[0][:8] == ['run', 'supervision', 'labels', 'annotation h', 'mIoU', 'of full', 'background', 'cat']
    expected = ['pseudo', 'pseudo-labels', '100', '0.0', '45.0', '90.0% of counterpart', '90.0', '']
    assert cells[3] == [*expected, '1.50', '2.00', '2.5'] and set(''.join(cells[1])) <= set(':-')
    assert lines[7:] == ['A note.', '', 'weak: tuned_on: masks of train.']


def test_the_chart_has_a_bar_per_number_and_a_point_per_run(tmp_path):
    figure = draw_chart(table_rows(RESULTS))
    bars, costs = figure.axes
    heights = [[bar.get_height() for bar in group] for group in bars.containers]
    assert [group[:2] for group in heights] == [[30.0, 90.0], [45.0, 90.0], [50.0, 90.0], [60.0, 90.0]]
    assert [line.get_ydata()[0] for line in costs.lines] == [30.0, 45.0, 50.0, 60.0]
    figure.savefig(tmp_path / 'chart.png')


@pytest.mark.parametrize(
    'other',
    [
        _result(1.0, 'image labels', contents='others', images=9),
        _result(1.0, 'image labels', classes=dict(background=1.0, dog=2.0)),
    ],
)
def test_runs_with_other_test_sets_are_named(other):
    with pytest.raises(RunError, match=f"run 'other' was evaluated on other .*{other['images']} images, 2 classes"):
        check_comparable(dict(weak=RESULTS['weak'], other=other))
    check_comparable(RESULTS)


@pytest.mark.parametrize(
    ('kind', 'settings', 'size'),
    [
        ('EncoderDecoder', dict(test_cfg=dict(mode='whole')), None),
        ('EncoderDecoder', dict(test_cfg=dict(mode='slide', crop_size=(64, 96), stride=(32, 32))), (64, 96)),
        ('mmwsl.WeakEncoderDecoder', dict(), None),
        (
            'mmwsl.WeakEncoderDecoder',
            dict(inference=dict(scorer=dict(type='mmwsl.OverlapTileScorer', tile=256, margin=128))),
            (512, 512),
        ),
        (
            'mmwsl.WeakEncoderDecoder',
            dict(inference=dict(scorer=dict(type='mmwsl.SlidingWindowScorer', crop_size=(64, 96), stride=(32, 32)))),
            (64, 96),
        ),
    ],
)
def test_macs_are_counted_for_one_window(kind, settings, size):
    with DefaultScope.overwrite_default_scope('mmseg'):
        head = dict(type='FCNHead', in_channels=4, channels=4, num_classes=3)
        backbone = dict(type='mmwsl.PlainCNN', channels=(4,), strides=(1,))
        model = MODELS.build(ConfigDict(type=kind, backbone=backbone, decode_head=head, **settings))
    assert isinstance(model, WeakEncoderDecoder) == kind.startswith('mmwsl') and window_size(model) == size


def test_the_mask_metric_of_a_users_own_package_keeps_its_arguments():
    @METRICS.register_module(force=True)
    class UsersIoUMetric(IoUMetric):
        """Mask metric of a user's own package, with an argument of its own."""

    own = dict(type='UsersIoUMetric', ignore_index=7, color='red', prefix='p', iou_metrics=['mDice'])
    expected = dict(type='mmwsl.ClassIoUMetric', ignore_index=7, iou_metrics=['mIoU'], prefix=None)
    assert class_iou_only([dict(type='mmwsl.ImageLabelMetric'), own]) == [expected]
    assert class_iou_only([]) == [dict(type='mmwsl.ClassIoUMetric', iou_metrics=['mIoU'], prefix=None)]
