"""A project from images to a segmentor, through the command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis import WeakSegInferencer
from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import load_config
from mmwsl.apis.project import Project
from mmwsl.apis.project.supervision import Supervision
from mmwsl.apis.supervision import labels_tuned_on
from mmwsl.cli.main import main
from mmwsl.datasets.classes import safe_palette
from tests.conftest import EQUAL_WEIGHTS

from .conftest import SIZE, arguments


def without(arguments, name):
    return [argument for argument in arguments if argument != name]


def mask(path):
    return np.asarray(Image.open(path))


def test_what_a_run_leaves(data, finished):
    root, train = finished.root, [name for name in data.names if name not in data.val]
    names = {path.relative_to(root).parts[0] for path in root.rglob('*')}
    assert names >= {'project.py', 'segmentor.py', 'checkpoints', 'labels', 'segmentor', 'report', 'summary.json'}
    assert not list(root.rglob('*.part')) and not list(root.glob('*_trial.py'))
    masks = {path.relative_to(root / 'labels/masks').as_posix() for path in (root / 'labels/masks').rglob('*.png')}
    stems = {name: name if name.startswith('same') else name[:-4] for name in data.names}
    assert masks == {f'{stems[name]}.png' for name in train}
    predictions = root / 'predictions/masks'
    assert {path.relative_to(predictions).as_posix() for path in predictions.rglob('*.png')} == {
        f'{name[:-4]}.png' for name in data.val
    }
    assert (root / 'report/index.html').is_file()


def test_the_summary_has_every_number_with_its_supervision(data, finished):
    summary = finished.read_summary()
    assert summary['classes'][0] == 'background' and len(summary['classes']) == 7
    assert 0 <= summary['classifier']['mAP'] <= 100
    evaluation = summary['evaluation']
    assert evaluation['supervision'] == 'trained on image-level labels of 12 images, without masks'
    pairs = np.zeros((7, 7), int)
    for name in data.val:
        stem = name if name.startswith('same') else name[:-4]
        pair = data.root / f'masks/{stem}.png', finished.predictions / f'masks/{name[:-4]}.png'
        np.add.at(pairs, tuple(map(mask, pair)), 1)
    with np.errstate(invalid='ignore'):
        ious = 100 * pairs.diagonal() / (pairs.sum(0) + pairs.sum(1) - pairs.diagonal())
    assert evaluation['mIoU'] == pytest.approx(np.nanmean(ious), abs=0.01)
    assert evaluation['images'] == 4


def test_validation_images_with_masks_have_scores_for_the_report(data, finished):
    """They are restricted to the image-level labels, as those of the training images."""
    classes = finished.read_summary()['classes']
    labels = dict(row.split('\t') for row in (data.root / 'labels.tsv').read_text().splitlines()[1:])
    for name in data.val:
        codes = read_codes(finished.val_labels / f'scores/{name if name.startswith("same") else name[:-4]}.npz')
        present = {classes.index(label) for label in labels[name].split('; ') if label}
        assert codes.shape == (7, SIZE, SIZE)
        assert {k for k in range(1, 7) if codes[k].any()} <= present
    assert 'mIoU' in (finished.report / 'index.html').read_text()
    assert 'by one threshold for all classes' in (finished.report / 'index.html').read_text()


def test_every_metric_says_that_validation_images_are_trained_on():
    trained = 'trained on image-level labels of 3 images and masks of 2 of them'
    overlap = Supervision(None, 3, 2, '1 of 3 are training images', 1)
    assert overlap.of_classifier == f'{trained}; 1 of 3 are training images'
    assert replace(overlap, overlap='').of_classifier == trained


def test_the_configs_are_ordinary(finished):
    assert load_config(finished.config).train_cfg.max_iters == 4  # an epoch of 12 images in batches of 3
    for path in (finished.config, finished.segmentor_config):
        text = path.read_text()
        assert len(text.splitlines()) < 25
        cfg = Config.fromfile(path)
        assert cfg.train_cfg.max_iters == cfg.param_scheduler[-1].end
        assert cfg.model.data_preprocessor.size == (SIZE, SIZE)
        assert cfg.test_dataloader.dataset.metainfo.palette == safe_palette(7)
        assert str(finished.root) not in text  # the folder may move


def test_labels_are_restricted_to_the_image_level_labels(data, finished):
    classes = finished.read_summary()['classes']
    for row in (data.root / 'labels.tsv').read_text().splitlines()[1:]:
        name, labels = row.split('\t')
        if name in data.val:
            continue
        stem = name if name.startswith('same') else name[:-4]
        present = {classes.index(label) for label in labels.split('; ') if label}
        assert set(np.unique(mask(finished.labels / f'masks/{stem}.png'))) <= {0, 255} | present


def test_a_finished_project_is_not_trained_again(data, finished, capfd):
    before = {path: path.stat().st_mtime_ns for path in finished.root.rglob('*.pth')}
    masks = finished.read_summary()['data']['masks']
    main(arguments(data, finished.root, '--masks', masks))
    assert {path: path.stat().st_mtime_ns for path in finished.root.rglob('*.pth')} == before
    printed = capfd.readouterr().out
    assert printed.count('done before') == 8 and len(printed.splitlines()) <= 40


def test_a_run_on_flawed_data_prints_few_lines_and_each_warning_once(data, tmp_path, capfd):
    images = shutil.copytree(data.images, tmp_path / 'images')
    shutil.copy(images / '03.png', images / data.val[-1])  # trained on and evaluated
    shutil.copy(images / '04.png', images / 'copy.png')
    Image.open(images / '05.png').convert('P').save(images / 'extra.gif')
    table = tmp_path / 'labels.tsv'
    table.write_text((data.root / 'labels.tsv').read_text() + 'nowhere.png\tcircle\n')
    files = ['--labels', str(table), '--val', str(data.root / 'val.txt'), '--masks', str(data.root / 'masks')]
    main(['run', str(images), *files, '--out', str(tmp_path / 'out'), '--no-pretrained', '--epochs', '1'])
    printed = capfd.readouterr().out
    assert len(printed.splitlines()) <= 25, printed
    assert printed.count('validation images are also training images, as the same file or a copy') == 3, printed
    assert printed.count('Their metrics are overestimated') == 1, printed


def test_a_segmentor_on_frozen_features_predicts_the_image_level_labels_as_the_classifier(
    data, weights_root, tmp_path, tmp_path_factory, capfd
):
    folder = tmp_path_factory.mktemp('weights')
    weights = shutil.copy(weights_root / 'mobilenet_v2_imagenet.pth', folder)
    command = [*without(arguments(data, tmp_path / 'shapes'), '--no-pretrained'), '--backbone', weights]
    main(command)
    project = Project(tmp_path / 'shapes')
    names = [str(data.images / name) for name in data.val]
    pairs = ((project.config, project.checkpoints), (project.segmentor_config, project.segmentor))
    classifier, segmentor = (
        WeakSegInferencer(config, latest_checkpoint(folder))(names)['predictions'] for config, folder in pairs
    )
    for one, other in zip(classifier, segmentor, strict=True):
        assert one['image_probs'] == pytest.approx(other['image_probs'], abs=1e-5)
    assert len({value for one in segmentor for value in one['image_probs'].values()}) > 6
    assert str(tmp_path) not in project.segmentor_config.read_text()
    # The weights may move, also for `mmwsl label`.
    (folder / 'moved').mkdir()
    moved = shutil.move(weights, folder / 'moved')
    capfd.readouterr()
    main([*command[:-1], moved])
    assert capfd.readouterr().out.count('done before') == 8
    main(['label', str(project.root)])
    configs = (project.config, project.affinity_config, project.segmentor_config)
    assert all(repr(moved) in path.read_text() and repr(weights) not in path.read_text() for path in configs)
    weights = moved
    # With masks of training images, the classifier predicts the labels worse, and the segmentor has a head of its own.
    masks = ['--masks', str(data.root / 'masks'), '--overwrite']
    main([*without(arguments(data, project.root), '--no-pretrained'), '--backbone', weights, *masks])
    assert 'auxiliary_head' not in project.segmentor_config.read_text()
    own, other = (torch.load(latest_checkpoint(folder))['state_dict'] for _, folder in pairs)
    assert not torch.equal(own['decode_head.conv_seg.weight'], other['auxiliary_head.conv_seg.weight'])


def test_other_inputs_are_rejected_and_replaced_when_asked_for(data, finished, tmp_path, capfd):
    root = shutil.copytree(finished.root, tmp_path / 'shapes')
    with pytest.raises(SystemExit) as end:
        main(arguments(data, root, '--seed', '1'))
    printed = capfd.readouterr().err
    assert end.value.code == 2
    assert "holds results of other inputs of the stage 'split'" in printed and 'seed: 0 before' in printed
    weights = Path(latest_checkpoint(root / 'segmentor')).read_bytes()
    # Masks of training images: the classifier and what follows are made again.
    capfd.readouterr()
    masks = shutil.copytree(data.root / 'masks', tmp_path / 'masks')
    (masks / 'sub/00.png').unlink()
    main(arguments(data, root, '--masks', str(masks), '--overwrite'))
    printed = capfd.readouterr().out
    assert printed.count('done before') == 2, printed
    assert len(printed.splitlines()) <= 25, printed
    assert Path(latest_checkpoint(root / 'segmentor')).read_bytes() != weights
    summary = Project(root).read_summary()
    assert summary['evaluation']['supervision'] == 'trained on image-level labels of 12 images and masks of 11 of them'
    labeled, pseudo = (
        Config.fromfile(root / f'{name}.py').train_dataloader.dataset for name in ('project', 'segmentor')
    )
    assert [part.data_prefix.seg_map_path for part in labeled.datasets] == [str(masks), None]
    parts = [part.get('dataset', part) for part in pseudo.datasets]  # one may be repeated
    assert [part.data_prefix.seg_map_path for part in parts] == [str(masks), f'{root}/labels/masks']
    # All images get pseudo-labels, and the masks are trained on in both stages.
    assert len(list((root / 'labels/masks').rglob('*.png'))) == 12
    # Whoever trains on these pseudo-labels is told of the masks.
    assert labels_tuned_on(load_config(root / 'segmentor.py')).startswith('masks of 11 training images')
    assert not labels_tuned_on(load_config(finished.segmentor_config))
    (losses,) = (root / 'checkpoints').glob('*/vis_data/scalars.json')
    assert 'decode.loss_map' in losses.read_text()
    # Other masks are rejected before anything is written.
    others = shutil.copytree(masks, tmp_path / 'others')
    (others / '05.png').unlink()
    before = {path: path.read_bytes() for path in (root / 'project.py', root / 'segmentor.py', root / 'summary.json')}
    with pytest.raises(SystemExit):
        main(arguments(data, root, '--masks', str(others)))
    assert {path: path.read_bytes() for path in before} == before
    # The same ones may move.
    masks.rename(tmp_path / 'moved')
    capfd.readouterr()
    main(arguments(data, root, '--masks', f'{tmp_path}/moved/'))
    assert capfd.readouterr().out.count('done before') == 8
    for name in ('project', 'segmentor'):
        assert f"masks = '{tmp_path}/moved'" in (root / f'{name}.py').read_text()


def test_moved_images_are_followed(data, finished, tmp_path, capfd):
    root = shutil.copytree(finished.root, tmp_path / 'shapes')
    moved = SimpleNamespace(root=tmp_path, images=tmp_path / 'images', names=data.names, val=data.val)
    shutil.copytree(data.images, moved.images)
    for name in ('labels.tsv', 'val.txt'):
        shutil.copy(data.root / name, tmp_path)
    shutil.copy(data.images / '05.png', moved.images / 'unlabeled.png')
    masks = shutil.copytree(finished.read_summary()['data']['masks'], tmp_path / 'moved_masks')
    main(arguments(moved, root, '--masks', str(masks)))
    assert capfd.readouterr().out.count('done before') == 8
    for name in ('project', 'segmentor'):
        text = (root / f'{name}.py').read_text()
        assert str(data.images) not in text and f'data_root = {str(moved.images)!r}' in text
    file = tmp_path / 'mine.json'
    file.write_text(json.dumps(dict(classes=finished.read_summary()['classes'], thresholds=[0.9] * 6)))
    main(['label', str(root), '--thresholds', str(file)])  # reads the moved images, no network
    assert 'Epoch(test)' not in (root / 'run.log').read_text()[(finished.root / 'run.log').stat().st_size :]
    main(['report', str(root)])


@EQUAL_WEIGHTS
def test_a_killed_run_continues(data, finished, tmp_path):
    """Killed at the first checkpoint of either training, it resumes there and ends with the results of a whole run."""
    root = tmp_path / 'shapes'
    masks = finished.read_summary()['data']['masks']
    command = [sys.executable, '-m', 'mmwsl', *arguments(data, root, '--masks', masks)]
    for checkpoint in ('checkpoints/iter_1.pth', 'segmentor/iter_1.pth'):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        while not (root / checkpoint).exists():
            assert process.poll() is None, 'ended before its first checkpoint'
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        torch.load(root / checkpoint, weights_only=True)  # it has its name only when it is complete
    main(command[3:])
    for folder in ('checkpoints', 'segmentor'):
        logs = ''.join(path.read_text() for path in sorted((root / folder).glob('2*/*.log')))
        assert 'resumed epoch: 0, iter: ' in logs
        one, other = (
            torch.load(latest_checkpoint(path / folder), weights_only=True)['state_dict']
            for path in (root, finished.root)
        )
        for key, value in one.items():
            assert torch.equal(value, other[key]), f'{folder} {key}'
    one, other = (
        {path.relative_to(where).as_posix(): path.read_bytes() for path in where.rglob('*.png')}
        for where in (root / 'labels', finished.root / 'labels')
    )
    assert one == other and any(name.startswith('masks/') for name in one)


def test_new_thresholds_need_no_network(data, finished, tmp_path, capfd):
    root = shutil.copytree(finished.root, tmp_path / 'shapes')
    classes = finished.read_summary()['classes']
    file = tmp_path / 'mine.json'
    for value, expected in ((1.0, False), (0.0, True)):
        file.write_text(json.dumps(dict(classes=classes, thresholds=[value] * 6, tuned_on=None)))
        main(['label', str(root), '--thresholds', str(file)])
        pixels = np.concatenate([mask(path).ravel() for path in (root / 'labels/masks').rglob('*.png')])
        assert ((pixels > 0) & (pixels < 255)).any() == expected
    with pytest.raises(SystemExit) as end:  # the segmentor was trained on other labels
        main(arguments(data, root, '--masks', finished.read_summary()['data']['masks']))
    printed = capfd.readouterr().err
    assert end.value.code == 2 and "inputs of the stage 'segmentor'" in printed and 'thresholds.star' in printed
    assert 'Epoch(test)' not in (root / 'run.log').read_text()[(finished.root / 'run.log').stat().st_size :]
    file.write_text(json.dumps(dict(classes=classes[:-1], thresholds=[0.5] * 5)))
    with pytest.raises(SystemExit) as end:
        main(['label', str(root), '--thresholds', str(file)])
    assert end.value.code == 2 and 'must have one threshold in [0, 1] for each of' in capfd.readouterr().err


def test_killed_labels_keep_the_thresholds_of_their_masks(data, finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / 'shapes')
    classes, file = finished.read_summary()['classes'], tmp_path / 'mine.json'
    file.write_text(json.dumps(dict(classes=classes, thresholds=[0.0] * 6, tuned_on=None)))
    command = [sys.executable, '-m', 'mmwsl', 'label', str(root), '--thresholds', str(file)]
    before = (root / 'labels/thresholds.json').read_bytes()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while not (root / 'labels/.masks.part').exists():
        assert process.poll() is None, 'ended before its masks'
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (root / 'labels/thresholds.json').read_bytes() == before
    assert Project(root).read_summary()['labels']['finished'] is False
    main(command[3:])
    assert json.loads((root / 'labels/thresholds.json').read_text())['thresholds'] == [0.0] * 6
    assert Project(root).read_summary()['labels']['finished'] is True  # `mmwsl run` keeps these thresholds


def test_a_folder_that_is_no_project(tmp_path, capfd):
    for verb in ('label', 'report'):
        with pytest.raises(SystemExit) as end:
            main([verb, str(tmp_path)])
        assert end.value.code == 2 and 'must be a folder of `mmwsl run`' in capfd.readouterr().err


@pytest.mark.parametrize(
    'out, message',
    [
        ('.', 'must be apart from the images, labels and masks'),
        ('images/project', 'must be apart from the images, labels and masks'),
        ('masks', 'must be a new folder or a project, got one with'),
        ("it's", 'must have no quote'),
    ],
)
def test_a_run_writes_into_a_folder_of_its_own(data, out, message, capfd):
    before = sorted(data.root.rglob('*'))
    with pytest.raises(SystemExit) as end:
        main(arguments(data, data.root / out))
    assert end.value.code == 2 and message in capfd.readouterr().err
    assert sorted(data.root.rglob('*')) == before
