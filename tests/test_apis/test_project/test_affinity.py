"""Labels of the first round that walk by boundaries, with the preset `best` from the start, through the command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.config import load_config
from mmwsl.apis.project import Project
from mmwsl.apis.project.budget import AFFINITY_FRACTION, Budget
from mmwsl.apis.project.labels import mask_rule, project_items
from mmwsl.apis.project.options import Options
from mmwsl.apis.project.run import _Run
from mmwsl.apis.pseudo_labels.refinement import refine_scores
from mmwsl.cli.main import main
from mmwsl.inference.postprocessors import LearnedAffinityWalk

from .conftest import arguments

STAGES = 10


def contents(folder, pattern='masks/**/*.png'):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob(pattern)}


def command(data, root, *more):
    return arguments(data, root, '--preset', 'best', *more)


def expected_masks(project, thresholds):
    """Masks of the scores that the classifier wrote, refined as without an affinity network, after the walk."""
    checkpoint = project.root / project.read_summary()['affinity']['checkpoint']
    walk = LearnedAffinityWalk(str(project.affinity_config), str(checkpoint), beta=10.0, flip=True, image_size=64)
    for item in project_items(project):
        scores = refine_scores(read_codes(item.scores), mask_rule(thresholds).postprocessors, item.img_path)
        image = np.asarray(Image.open(item.img_path).convert('RGB'))[..., ::-1].transpose(2, 0, 1)
        sample = SegDataSample(image=PixelData(data=torch.from_numpy(image.copy())))
        walked = walk.process(torch.from_numpy(scores), sample)
        highest, classes = walked[1:].max(0)
        yield item, torch.where(highest > 0.75, classes + 1, torch.where(highest <= 0.25, 0, 255)).numpy()


@pytest.fixture(scope='module')
def walked(data, tmp_path_factory):
    """A project with the preset `best` from the start."""
    root = tmp_path_factory.mktemp('walked') / 'shapes'
    main(command(data, root))
    return Project(root)


@pytest.fixture
def copied(walked, tmp_path):
    return Project(shutil.copytree(walked.root, tmp_path / 'shapes'))


def test_the_scores_of_the_first_round_walk_by_boundaries_of_their_labels(walked):
    summary = walked.read_summary()
    assert summary['affinity']['config'] == 'affinity.py' and summary['affinity']['images'] == 12
    cfg = load_config(walked.affinity_config)
    assert cfg.train_dataloader.dataset.data_prefix.seg_map_path == f'{walked.root}/labels/masks'
    assert not cfg.model.decode_head.displacement_channels and cfg.model.decode_head.num_classes == 7
    thresholds = list(summary['labels']['thresholds'].values())
    for item, expected in expected_masks(walked, thresholds):
        assert np.mean(np.asarray(Image.open(item.mask)) == expected) > 0.999
    assert 'labels/masks' in (walked.report / 'index.html').read_text()


def test_the_labels_of_later_rounds_do_not_walk(walked):
    rules = [json.loads((walked.at(round).labels / 'manifest.json').read_text())['masks']['rule'] for round in (1, 2)]
    assert ['LearnedAffinityWalk' in str(rule) for rule in rules] == [True, False]


def test_a_finished_project_is_not_run_again(data, copied, capfd):
    main(command(data, copied.root))
    assert capfd.readouterr().out.count('done before') == STAGES
    main([argument for argument in command(data, copied.root) if argument not in ('--preset', 'best')])
    assert capfd.readouterr().out.count('done before') == STAGES


def test_a_killed_training_or_walk_continues(data, walked, tmp_path):
    root = tmp_path / 'shapes'
    run = [sys.executable, '-m', 'mmwsl', *command(data, root)]
    for file in ('affinity/iter_1.pth', 'labels/.masks.part'):
        process = subprocess.Popen(run, stdout=subprocess.DEVNULL, start_new_session=True)
        while not (root / file).exists():
            assert process.poll() is None, 'ended before'
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert Project(root).read_summary()['affinity']['finished'] is False
    main(command(data, root))
    assert contents(root / 'labels') == contents(walked.labels)
    assert contents(root / 'predictions') == contents(walked.predictions)


def test_other_thresholds_walk_by_the_same_boundaries(walked, tmp_path, capfd):
    """In a project of one round so far, whose labels are those of the first."""
    root = shutil.copytree(walked.root, tmp_path / 'shapes')
    project, classes = Project(root), walked.read_summary()['classes']
    project.write_summary({key: value for key, value in project.read_summary().items() if not key.endswith('_2')})
    (tmp_path / 'mine.json').write_text(json.dumps(dict(classes=classes, thresholds=[0.3] * 6)))
    before = contents(project.affinity, '*.pth')
    main(['label', str(root), '--thresholds', str(tmp_path / 'mine.json')])
    assert 'Epoch' not in capfd.readouterr().out and contents(project.affinity, '*.pth') == before
    assert contents(project.labels) != contents(walked.labels)
    for item, expected in expected_masks(project, [0.3] * 6):
        assert np.mean(np.asarray(Image.open(item.mask)) == expected) > 0.999


def test_masks_changed_by_hand_are_not_replaced(data, copied, capfd):
    summary = copied.read_summary()
    copied.update_summary(affinity=dict(summary['affinity'], finished=False))
    path = next(iter(sorted(copied.labels.glob('masks/*.png'))))
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(path)
    shutil.rmtree(copied.affinity)
    copied.affinity_config.unlink()
    with pytest.raises(SystemExit) as end:
        main(command(data, copied.root))
    assert end.value.code == 2 and f'changed since they were written: {path.name}' in capfd.readouterr().err
    assert not copied.affinity.exists()  # before it is trained


def test_the_affinity_network_needs_a_part_of_the_time():
    views = [(1.0,), (1.0,)]
    without, budget = (Budget(60, 100, 0, views=views, affinity=affinity) for affinity in (False, True))
    for one in (without, budget):
        one.mask = 0.0
    assert budget.affinity_seconds / budget.segmentor_seconds() == pytest.approx(
        2 * AFFINITY_FRACTION / (2 + AFFINITY_FRACTION), rel=0.02
    )
    assert budget.classifier_seconds < without.classifier_seconds
    budget.mask = 1.0
    assert budget.walk_seconds == 200 / (os.cpu_count() or 1) and without.walk_seconds == 0


@pytest.mark.parametrize(
    'preset, before, expected',
    [
        ('fast', {}, False),
        ('best', {}, True),
        ('best', dict(segmentor={}), False),
        ('fast', dict(affinity={}, segmentor={}), True),
    ],
)
def test_a_finished_round_keeps_its_labels(tmp_path, preset, before, expected):
    Project(tmp_path).write_summary(before)
    run = _Run(Project(tmp_path), tmp_path, tmp_path, Options(preset=preset), None)
    assert run.affinity is expected and ('affinity' in run.stages.names) is expected
