"""Labels of the first round that walk by boundaries, through the command, also with a second round after them."""

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
from mmwsl.apis.project.labels import project_items
from mmwsl.apis.project.masks import find_walk, mask_rule
from mmwsl.apis.project.stages import wants_affinity
from mmwsl.apis.pseudo_labels.corrections import record_mask
from mmwsl.apis.pseudo_labels.refinement import refine_scores
from mmwsl.cli.main import main
from mmwsl.inference.postprocessors import LearnedAffinityWalk

from .conftest import arguments, rejected

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
    """A project of two rounds."""
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
    for stage in ('segmentor', 'segmentor_2'):  # the views of `mmwsl predict --tta`
        views = load_config(walked.root / f'{stage}.py').tta_pipeline[-1].transforms[0]
        assert [view['scale'] for view in views] == [(48, 48), (64, 64), (80, 80)]
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
    'before, expected',
    [
        ({}, True),
        (dict(labels={}), True),  # killed before the stage
        (dict(affinity={}), True),
        (dict(affinity={}, segmentor={}), True),
        (dict(segmentor={}), False),
    ],
)
def test_a_segmentor_of_an_earlier_version_keeps_its_labels(before, expected):
    assert wants_affinity(before) is expected


def test_a_first_round_without_boundaries_stays_until_it_is_made_again(data, finished, tmp_path, capfd):
    """That of a project of an earlier version. Another seed discards it, and other thresholds its segmentor."""
    given = ['--masks', str(finished.read_summary()['data']['masks'])]
    (tmp_path / 'mine.json').write_text(
        json.dumps(dict(classes=finished.read_summary()['classes'], thresholds=[0.3] * 6))
    )
    for number, more in enumerate((['--seed', '1'], [])):
        project = Project(shutil.copytree(finished.root, tmp_path / f'{number}'))
        project.write_summary({key: value for key, value in project.read_summary().items() if key != 'affinity'})
        shutil.rmtree(project.affinity)
        project.affinity_config.unlink()
        before = contents(project.segmentor, '*.pth')
        capfd.readouterr()
        main(arguments(data, project.root, *given))
        assert capfd.readouterr().out.count('done before') == 7 and contents(project.segmentor, '*.pth') == before
        assert 'affinity' not in project.read_summary()
        if not more:
            main(['label', str(project.root), '--thresholds', str(tmp_path / 'mine.json')])
        main(arguments(data, project.root, *given, '--overwrite', *more))
        assert project.read_summary()['affinity']['finished'] and find_walk(project)
        assert contents(project.segmentor, '*.pth') != before


def test_images_that_all_have_masks_need_no_affinity_network(data, tmp_path):
    main(command(data, tmp_path / 'out', '--masks', str(data.root / 'masks')))
    assert 'affinity' not in Project(tmp_path / 'out').read_summary()


def test_a_new_affinity_network_learns_from_the_labels_of_the_classifier(data, walked, copied):
    """Not from those of the network before."""
    copied.affinity_config.unlink()
    main(command(data, copied.root, '--overwrite'))
    one, other = (
        torch.load(project.root / project.read_summary()['affinity']['checkpoint'], weights_only=True)['state_dict']
        for project in (walked, copied)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert contents(copied.labels) == contents(walked.labels)


def test_masks_that_were_being_replaced_are_replaced(data, copied, tmp_path):
    """The command was killed after some masks had been moved; then it continues, or begins anew."""
    (tmp_path / 'mine.json').write_text(
        json.dumps(dict(classes=copied.read_summary()['classes'], thresholds=[0.3] * 6))
    )
    manifest, masks, staged = (copied.labels / name for name in ('manifest.json', 'masks', '.masks.part'))
    summary = {key: value for key, value in copied.read_summary().items() if not key.endswith('_2')}
    rules, written = [], []
    for before in (summary, {key: value for key, value in summary.items() if key != 'affinity'}):
        copied.write_summary(before)
        main(['label', str(copied.root), '--thresholds', str(tmp_path / 'mine.json')])
        rules.append(json.loads(manifest.read_text())['masks']['rule'])
        written.append(contents(copied.labels))
        shutil.copytree(masks, tmp_path / f'{len(written)}')
    assert written[0] != written[1]
    shutil.copytree(tmp_path / '1', staged)
    for path in staged.rglob('*.png'):
        record_mask(copied.labels, path.relative_to(staged).as_posix()[: -len('.png')], path.read_bytes())
    for path in sorted(masks.rglob('*.png'))[:4]:
        (staged / path.relative_to(masks)).rename(path)
    sorted(masks.rglob('*.png'))[-1].unlink()  # the old mask, before the new one is there
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | dict(next_rule=rules[0], masks=dict(rule=rules[0], complete=False))))
    killed = summary | dict(affinity=summary['affinity'] | dict(finished=False), labels=copied.read_summary()['labels'])
    copied.write_summary({key: value for key, value in killed.items() if key != 'segmentor'})
    other = shutil.copytree(copied.root, copied.root.parent / 'other')
    main(command(data, copied.root))
    assert contents(copied.labels) == written[0] and not staged.exists()
    main(command(data, other, '--overwrite', '--seed', '1'))
    assert len(contents(other / 'labels')) == 12


def test_a_moved_project_keeps_corrected_masks(walked, tmp_path, capfd):
    root = shutil.copytree(walked.root, tmp_path / 'moved')
    project = Project(root)
    project.write_summary({key: value for key, value in project.read_summary().items() if not key.endswith('_2')})
    path = sorted(project.labels.glob('masks/*.png'))[0]
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(path)
    main(['label', str(root), '--thresholds', str(project.labels / 'thresholds.json')])
    assert (np.asarray(Image.open(path)) == 255).all()


@pytest.mark.parametrize('file', ['affinity.py', 'affinity/iter_1.pth'])
def test_a_missing_file_of_the_affinity_network(copied, file, capfd):
    project = Project(copied.root)
    summary = project.read_summary()
    project.write_summary({key: value for key, value in summary.items() if not key.endswith('_2')})
    path = copied.root / file.replace('iter_1.pth', summary['affinity']['checkpoint'].rpartition('/')[2])
    path.unlink()
    rejected(['label', str(copied.root)], 'of the affinity network is missing', capfd)
    assert contents(copied.labels)


def test_losses_do_not_matter_for_scores(copied):
    """A project of a version whose segmentors had another loss."""
    manifest = copied.at(2).labels / 'manifest.json'
    content = json.loads(manifest.read_text())
    assert content['options']['model']['decode_head']['loss_decode']['balanced']
    content['options']['model']['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss')
    manifest.write_text(json.dumps(content))
    main(['label', str(copied.root)])
    assert len(contents(copied.at(2).labels)) == 12
