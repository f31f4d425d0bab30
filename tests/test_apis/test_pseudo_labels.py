"""Pseudo-labels of the embedded data set, and of written pictures, from untrained weights."""

import json
import os
import shutil
import signal
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from torch import multiprocessing

from mmwsl import apis
from mmwsl.apis.pseudo_labels import ManifestError
from mmwsl.apis.pseudo_labels.command import main
from mmwsl.apis.pseudo_labels.generation import check_model
from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.apis.pseudo_labels.quality import truth_data_set
from mmwsl.apis.pseudo_labels.store import compress_scores, expand_codes
from mmwsl.datasets.scenes import draw_layout, paint_mask
from mmwsl.functional import DECODED, encode_scores
from tests.conftest import free_port

SHORT = ['test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
         'train_dataloader.dataset.length=80']
K = 7


@pytest.fixture(scope='module')
def shapes(repository, tmp_path_factory):
    """The arguments of a run over the first scenes, but for the folder."""
    folder = tmp_path_factory.mktemp('weights')
    config = repository / 'configs' / 'wsl_lse_shapes_ilp.py'
    cfg = apis.load_config(config)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), folder / 'weights.pth')
    return [str(config), str(folder / 'weights.pth'), '--work-dir', str(folder / 'work')]


@pytest.fixture
def run(shapes, tmp_path):
    """A function that makes pseudo-labels in a folder of that name, and returns its path."""

    def complete(name, *arguments, indices=6, options=()):
        main([*shapes, '--out', str(tmp_path / name), '--indices', str(indices), *arguments,
              '--cfg-options', *SHORT, f'experiment_name={tmp_path.name}', *options])
        return tmp_path / name

    return complete


@pytest.fixture(scope='module')
def finished(shapes, tmp_path_factory):
    """A finished folder of six scenes; tests that change one copy it."""
    folder = tmp_path_factory.mktemp('finished') / 'out'
    main([*shapes, '--out', str(folder), '--indices', '6', '--cfg-options', *SHORT, 'experiment_name=finished'])
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / 'out'))


def files(folder, *suffixes):
    """Return the content of the files of a folder by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*'))
            if path.suffix in suffixes}


def mask(folder, index):
    return np.array(Image.open(folder / 'masks' / f'shapes-0-{index:06d}.png'))


def codes(folder, index):
    with np.load(folder / 'scores' / f'shapes-0-{index:06d}.npz') as content:
        return expand_codes(**content)


def tags(index):
    return {item.label for item in draw_layout(0, index, 96)}


def test_masks_are_the_best_class_of_the_stored_scores_among_the_tags(finished):
    folder = finished
    assert len(files(folder, '.png')) == len(files(folder, '.npz')) == 6
    for index in range(6):
        stored = codes(folder, index)
        np.testing.assert_array_equal(mask(folder, index), stored.argmax(0))
        assert set(np.unique(mask(folder, index))) <= {0, *tags(index)}
        absent = sorted(set(range(1, K)) - tags(index))
        assert not stored[absent].any()
    picture = Image.open(folder / 'masks' / 'shapes-0-000000.png')
    assert picture.mode == 'P' and picture.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    manifest = json.loads((folder / 'manifest.json').read_text())
    assert manifest['provenance'] == dict(tags='the tags of the predicted pictures')
    assert manifest['options']['use_tags'] is True and manifest['options']['model']['postprocessors']
    assert manifest['pictures']['count'] == 6 and len(manifest['options']['checkpoint']) == 64
    assert manifest['config'].endswith('wsl_lse_shapes_ilp.py')
    assert set(manifest['versions']) >= {'mmwsl', 'torch', 'mmseg'}
    assert not list(folder.rglob('*.part'))


def test_scores_are_those_of_the_model(run, shapes):
    folder = run('out', '--no-use-tags', indices=2, options=['model.test_cfg.use_tags=True'])
    cfg = apis.load_config(shapes[0])
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(shapes[1])['state_dict'])
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.test_mode = True
    for index in range(2):
        data = dataset[index]
        data = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
        with torch.no_grad():
            scores = model.test_step(data)[0].seg_logits.data.exp().numpy()
        assert np.abs(DECODED[codes(folder, index)] - scores).max() < 0.0031
    assert json.loads((folder / 'manifest.json').read_text())['provenance'] == {}


FORKS = pytest.mark.skipif(torch.cuda.is_available(), reason='a process that has used a GPU cannot be forked')


def _run_alone(arguments):
    torch.set_num_threads(1)
    main(arguments)


@FORKS
def test_a_killed_run_goes_on_where_it_was(run, shapes, tmp_path):
    out = tmp_path / 'killed'
    process = multiprocessing.get_context('fork').Process(target=_run_alone, args=(
        [*shapes, '--out', str(out), '--indices', '30', '--cfg-options', *SHORT], ), daemon=True)
    process.start()
    until = time.monotonic() + 300
    while len(list(out.glob('scores/*.npz'))) < 5 and process.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in out.glob('scores/*.npz')}
    assert 5 <= len(before) < 30 and not (out / 'quality.json').exists()
    (out / 'scores' / 'tmpkilled.part').touch()  # what a kill within a file leaves
    run('killed', '--masks', indices=30)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list(out.rglob('*.part'))
    fresh = run('fresh', '--masks', indices=30)
    assert files(out, '.png', '.npz') == files(fresh, '.png', '.npz')
    assert (out / 'quality.json').read_text() == (fresh / 'quality.json').read_text()


def _launch(rank, port, arguments):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1',
                      MASTER_PORT=str(port))
    _run_alone([*arguments, '--launcher', 'pytorch'])


def launch(arguments):
    port = free_port()
    context = multiprocessing.get_context('fork')
    workers = [context.Process(target=_launch, args=(rank, port, arguments), daemon=True) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    return [worker.exitcode for worker in workers]


@FORKS
def test_two_processes_label_one_picture_then_more(finished, shapes, tmp_path):
    for indices in (1, 6):  # fewer pictures than processes; then five for two
        assert launch([*shapes, '--out', str(tmp_path / 'two'), '--indices', str(indices), '--cfg-options',
                       *SHORT]) == [0, 0]
        assert len(files(tmp_path / 'two', '.png')) == indices
    assert files(tmp_path / 'two', '.png', '.npz') == files(finished, '.png', '.npz')
    # All refuse, none waits for the first.
    assert launch([*shapes, '--out', str(tmp_path / 'two'), '--no-use-tags', '--cfg-options', *SHORT]) == [1, 1]


def test_other_options_are_refused_and_listed(run, copied, shapes, tmp_path):
    folder = copied
    before = files(folder, '.png', '.npz', '.json')
    with pytest.raises(ManifestError, match=r'(?s)use_tags: true there, false asked for.*test_cfg\.use_tags: true'):
        run('out', '--no-use-tags', indices=1)
    with pytest.raises(ManifestError, match=r'model\.decode_head\.background\.score: 0\.5 there, 0\.4 asked for'):
        run('out', indices=1, options=['model.decode_head.background.score=0.4'])
    with pytest.raises(ManifestError, match=r'(?s)masks of .*high: null there, 0\.5 asked for.*--rethreshold'):
        run('out', '--high', '0.5', indices=1)
    other = tmp_path / 'other.pth'
    state = torch.load(shapes[1])
    state['state_dict']['decode_head.conv_seg.bias'] += 1
    torch.save(state, other)
    with pytest.raises(ManifestError, match='checkpoint: "[0-9a-f]{64}" there, "[0-9a-f]{64}" asked for'):
        main([shapes[0], str(other), *shapes[2:], '--out', str(folder), '--indices', '1', '--cfg-options', *SHORT])
    assert files(folder, '.png', '.npz', '.json') == before


def test_a_folder_without_scores_begins_anew(tmp_path):
    Manifest(tmp_path).agree(dict(use_tags=True))
    Manifest(tmp_path).agree(dict(use_tags=False))
    (tmp_path / 'scores').mkdir()
    (tmp_path / 'scores' / 'one.npz').touch()
    Manifest(tmp_path).agree(dict(use_tags=False))
    with pytest.raises(ManifestError, match='use_tags: false there, true asked for'):
        Manifest(tmp_path).agree(dict(use_tags=True))
    (tmp_path / 'manifest.json').unlink()
    with pytest.raises(ManifestError, match='no manifest.json'):
        Manifest(tmp_path).agree(dict(use_tags=False))


def test_new_thresholds_equal_a_fresh_run(run, copied):
    old = copied
    stamps = {path: path.stat().st_mtime_ns for path in old.glob('scores/*')}
    rule = ['--high', '0.7', '--low', '0.3', '--tuned-on', 'masks of scenes']
    run('out', '--rethreshold', *rule, indices=3)
    assert len(files(old, '.png')) == 3  # none of the old rule
    run('out', *rule)
    fresh = run('fresh', *rule)
    assert files(old, '.png', '.npz') == files(fresh, '.png', '.npz')
    assert {path: path.stat().st_mtime_ns for path in old.glob('scores/*')} == stamps
    for index in range(6):
        scores = DECODED[codes(old, index)][1:]
        expected = np.where(scores.max(0) > 0.7, scores.argmax(0) + 1, np.where(scores.max(0) <= 0.3, 0, 255))
        np.testing.assert_array_equal(mask(old, index), expected)
    assert any(255 in mask(old, index) for index in range(6))
    rule = json.loads((old / 'manifest.json').read_text())['masks']
    assert rule == dict(rule=dict(low=0.3, high=0.7, tuned_on='masks of scenes'), complete=True)


def test_masks_killed_between_two_rules_are_all_made_again(run, copied):
    folder = copied
    expected = files(folder, '.png')
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['masks']['complete'] = False
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    Image.fromarray(np.full((96, 96), 3, np.uint8)).save(folder / 'masks' / 'shapes-0-000002.png')
    run('out')
    assert files(folder, '.png') == expected


def test_rethreshold_needs_all_scores(run, tmp_path):
    with pytest.raises(ValueError, match="6 of 6 have none in .*, 'shapes-0-000000' the first"):
        run('out', '--rethreshold', '--high', '0.5')


@pytest.mark.parametrize('arguments, message', [
    (['--low', '0.3'], 'give --high as well'),
    (['--high', '0.3', '--low', '0.5'], 'low=0.5 and high=0.3'),
    (['--high', '1.5'], '0 <= low <= high <= 1'),
    (['--min-score', '1.5'], r'must be in \[0, 1\], got 1.5'),
    (['--high', '0.3', '--low', '0.2', '--min-score', '0.25'], '--min-score=0.25 may not be stored, which low=0.2'),
])
def test_thresholds_that_make_no_sense(run, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        run('out', *arguments)
    assert not (tmp_path / 'out').exists()


def test_the_report_is_what_the_files_say(run, copied):
    folder = run('out', '--rethreshold', '--high', '0.6', '--low', '0.4', '--masks')
    report = json.loads((folder / 'quality.json').read_text())
    masks = np.stack([mask(folder, index) for index in range(6)])
    seeds = np.stack([codes(folder, index).argmax(0) for index in range(6)])
    truth = np.stack([paint_mask(draw_layout(0, index, 96), 96) for index in range(6)])
    decided = masks != 255
    assert 0 < report['undecided'] == pytest.approx(100 * (~decided).mean(), abs=0.01)
    lost = {index: tags(index) - set(np.unique(masks[index])) for index in range(6)}
    assert report['tag_without_pixel'] == [f'shapes-0-{index:06d}' for index in range(6) if lost[index]] != []
    ious = dict(seeds=[], labels=[])
    for k, row in enumerate(report['classes']):
        where = [index for index in range(6) if k in masks[index]]
        assert row['tagged'] == sum(k in tags(index) for index in range(6))
        assert row['labelled'] == len(where)
        assert row['tag_without_pixel'] == sum(k in lost[index] for index in range(6))
        assert row['share'] == pytest.approx(100 * (masks[decided] == k).mean(), abs=0.01)
        shares = [100 * (masks[index] == k).mean() for index in where]
        assert row['area'] == (pytest.approx(np.quantile(shares, [.1, .5, .9]).tolist(), abs=0.01) if where else None)
        for name, found, keep in (('seeds', seeds, np.ones_like(decided)), ('labels', masks, decided)):
            union = (((found == k) | (truth == k)) & keep).sum()
            iou = 100 * ((found == k) & (truth == k) & keep).sum() / union if union else None
            assert row['IoU'][name] == (None if iou is None else pytest.approx(iou, abs=0.01))
            ious[name] += [] if iou is None else [iou]
        there = truth == k
        assert row['undecided'] == (pytest.approx(100 * (~decided)[there].mean(), abs=0.01) if there.any() else None)
    assert report['mIoU'] == {name: pytest.approx(np.mean(values), abs=0.01) for name, values in ious.items()}


def test_what_is_left_out_could_never_be_seen():
    scores = torch.tensor([[.5, .001], [.004, .002], [.3, .0009], [.0, .0]])[:, None]
    kept = compress_scores(scores, min_score=0.01)
    assert kept['classes'].tolist() == [0, 1, 2]  # 1 is the best of a pixel
    np.testing.assert_array_equal(expand_codes(**kept), encode_scores(scores).numpy())
    assert compress_scores(torch.zeros(4, 2, 2))['classes'].tolist() == [0]


@pytest.fixture
def written(shapes, tmp_path):
    """Pictures in folders with a table of tags and masks that no reader can open; returns the arguments of a run."""
    root = tmp_path / 'data'
    names = ('a/one', 'b/one', 'b/two.half')
    for number, name in enumerate(names):
        for folder in ('images', 'masks'):
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / 'images' / f'{name}.png')
        (root / 'masks' / f'{name}.png').write_text('no picture')
    (root / 'tags.csv').write_text('image,labels\na/one,ring\nb/one,"circle,star"\nb/two.half,\n')
    config = tmp_path / 'config.py'
    config.write_text(f"""_base_ = ['{shapes[0].replace('_ilp', '')}']
train_dataloader = dict(dataset=dict(_delete_=True, type='mmwsl.FolderWeakDataset', data_root='{root}',
    metainfo=dict(classes=('background', 'circle', 'square', 'triangle', 'star', 'ring', 'cross')),
    label_file='tags.csv', label_cfg=dict(label_column='labels'), img_suffix='.png',
    data_prefix=dict(img_path='images', seg_map_path='masks'), pipeline=[]))
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='mmwsl.PackImageLabelInputs', background='exclusive')]))
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[
    [dict(type='RandomFlip', prob=prob) for prob in (0., 1.)], [dict(type='LoadAnnotations')],
    [dict(type='mmwsl.PackImageLabelInputs', background='exclusive')]])]
experiment_name = '{tmp_path.name}'
""")
    return [str(config), shapes[1], '--work-dir', str(tmp_path / 'work'), '--out', str(tmp_path / 'out')]


@pytest.mark.parametrize('tta', [[], ['--tta']])
def test_no_mask_is_opened_and_the_folder_serves_as_masks(written, tmp_path, tta):
    main([*written, *tta])
    found = files(tmp_path / 'out' / 'masks', '.png')
    assert set(found) == {'a/one.png', 'b/one.png', 'b/two.half.png'}
    cfg = apis.load_config(written[0])
    names = ('background', 'star', 'ring')
    dataset = DATASETS.build(dict(
        cfg.train_dataloader.dataset, seg_map_classes=cfg.train_dataloader.dataset.metainfo.classes,
        label_file='', metainfo=dict(classes=names),
        data_prefix=dict(img_path='images', seg_map_path=str(tmp_path / 'out/masks')),
        pipeline=[dict(type='LoadAnnotations')]))
    for index, present in enumerate([{2}, {1}, set()]):
        seen = set(np.unique(dataset[index]['gt_seg_map']))
        assert seen <= {0, *present, 255} and (present or seen == {0})
    assert dataset[1]['gt_seg_map'].shape == (21, 30)


def test_a_broken_picture_is_named_and_the_others_stay(written, tmp_path):
    broken = tmp_path / 'data' / 'images' / 'b' / 'two.half.png'
    whole = broken.read_bytes()
    broken.write_bytes(whole[:60])
    with pytest.raises(Exception, match=r'two\.half'):
        main(written)
    assert {path.stem for path in (tmp_path / 'out' / 'scores').rglob('*.npz')} == {'one'}
    broken.write_bytes(whole)
    main(written)
    assert len(files(tmp_path / 'out', '.png')) == 3


def test_a_picture_may_leave_the_table_but_tags_that_were_believed_stay(written, tmp_path):
    """The table is also the list of the pictures here."""
    main(written)
    table = tmp_path / 'data' / 'tags.csv'
    before = files(tmp_path / 'out', '.npz', '.png')
    table.write_text(table.read_text().replace('a/one,ring\n', ''))
    main(written)
    assert files(tmp_path / 'out', '.npz', '.png') == before
    changed = table.read_text().replace('circle,star', 'circle')
    table.write_text(changed)
    with pytest.raises(ManifestError, match=r"1 pictures have other tags now .*'b/one' had \[1, 4\] and has \[1\]"):
        main(written)
    (tmp_path / 'out' / 'scores' / 'b' / 'one.npz').unlink()
    (tmp_path / 'out' / 'masks' / 'b' / 'one.png').unlink()
    main(written)
    assert len(files(tmp_path / 'out', '.png')) == 3


def test_true_masks_are_read_as_the_test_set_says(written):
    """Those of a split may be pseudo-labels with ids of their own."""
    cfg = apis.load_config(written[0])
    init_default_scope('mmseg')
    split = dict(cfg.train_dataloader.dataset, seg_map_classes=('background', 'ring'), seg_map_suffix='_label.png')
    step = [dict(type='LoadAnnotations')]
    truth = truth_data_set(ConfigDict(split), ConfigDict(pipeline=step), 'masks')
    assert truth.seg_map_classes is None and truth.seg_map_suffix == '.png' and len(truth) == 3
    names = ('background', 'star', 'ring', 'circle', 'square', 'triangle', 'cross')
    truth = truth_data_set(ConfigDict(split), ConfigDict(pipeline=step, seg_map_classes=names), 'masks')
    assert tuple(truth.seg_map_classes) == names and truth.label_map[1] == 4


def test_a_test_set_that_names_no_masks(written):
    with pytest.raises(ValueError, match='names no folder of masks.*--masks FOLDER'):
        main([*written, '--masks', '--cfg-options', 'test_dataloader.dataset.data_prefix.seg_map_path=None'])


def test_a_missing_true_mask_is_found_before_anything_is_predicted(written, tmp_path):
    (tmp_path / 'data' / 'masks' / 'b' / 'one.png').unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 3 masks .*masks': b/one\.png"):
        main([*written, '--masks', 'masks'])
    assert not (tmp_path / 'out').exists()


def test_masks_that_are_no_png_files(written):
    with pytest.raises(ValueError, match="seg_map_suffix='.tif'"):
        main([*written, '--cfg-options', "train_dataloader.dataset.seg_map_suffix='.tif'"])


@pytest.mark.parametrize('segmentor, wrapper, message', [
    ('EncoderDecoder', None, 'mmwsl.WeakEncoderDecoder.*but has EncoderDecoder'),
    ('mmwsl.PostprocessedEncoderDecoder', None, None),
    ('mmwsl.WeakEncoderDecoder', 'SegTTAModel', 'mmwsl.WeakSegTTAModel'),
    ('mmwsl.WeakEncoderDecoder', 'mmwsl.WeakSegTTAModel', None),
])
def test_models_that_leave_no_scores(repository, segmentor, wrapper, message):
    init_default_scope('mmseg')
    cfg = apis.load_config(repository / 'configs' / 'wsl_lse_shapes.py')
    model = dict(cfg.model, type=segmentor, test_cfg=dict(mode='whole', use_tags=True))
    model = MODELS.build(dict(type=wrapper, module=model) if wrapper else model)
    with pytest.raises(TypeError, match=message) if message else nullcontext():
        check_model(model)


def test_a_network_that_learnt_pseudo_labels_labels_again(written, tmp_path):
    """It believes the tags, and its manifest names the masks that the first round owes to."""
    first, second = tmp_path / 'out', tmp_path / 'second'
    main(written)
    manifest = json.loads((first / 'manifest.json').read_text())
    (first / 'manifest.json').write_text(json.dumps({**manifest, 'provenance': dict(tuned_on='masks of a test')}))
    config = Path(written[0])
    config.write_text(config.read_text().replace('pipeline=[]', "pipeline=[dict(type='LoadAnnotations')]"))
    again = [*written[:-1], str(second)]
    options = ['--cfg-options', 'model.type=mmwsl.PostprocessedEncoderDecoder',
               f'train_dataloader.dataset.data_prefix.seg_map_path={first}/masks']
    main([*again, *options])
    provenance = json.loads((second / 'manifest.json').read_text())['provenance']
    assert provenance == dict(tags='the tags of the predicted pictures', labels_tuned_on='masks of a test')
    for name, present in (('a/one', {5}), ('b/one', {1, 4}), ('b/two.half', set())):
        assert set(np.unique(Image.open(second / 'masks' / f'{name}.png'))) <= {0, *present}
    with pytest.raises(ValueError, match='train_dataloader.dataset has none: .*--no-use-tags'):
        main([*again, *options, 'train_dataloader.dataset.label_file='])


def test_a_missing_checkpoint(written):
    with pytest.raises(FileNotFoundError, match="checkpoint='nowhere.pth' does not exist"):
        main([written[0], 'nowhere.pth', *written[2:]])
