"""A second self-training round, through the command."""

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import load_config
from mmwsl.apis.inferencer import WeakSegInferencer
from mmwsl.apis.project import Project
from mmwsl.apis.project.labels import project_items
from mmwsl.apis.project.options import Options
from mmwsl.apis.project.run import run_project
from mmwsl.apis.project.supervision import Supervision
from mmwsl.apis.supervision import labels_tuned_on
from mmwsl.cli.main import main
from mmwsl.functional import CRF_PRESETS, DEQUANTIZED, class_thresholds, dense_crf, logit_softmax
from mmwsl.utils.files import write_json
from tests.conftest import EQUAL_WEIGHTS

from .conftest import arguments

ADDED = ('labels_2', 'segmentor_2')


def files(folder, *patterns):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for name in patterns for path in folder.glob(name)}


def weights(folder):
    return torch.load(latest_checkpoint(folder), weights_only=True)['state_dict']


def command(data, root, *more):
    masks = root.parent / 'masks'
    if not masks.exists():
        masks.mkdir()
        for name in data.val:
            file = f'{name if name.startswith("same") else name[:-4]}.png'
            shutil.copy(data.root / 'masks' / file, masks / file)
    return arguments(data, root, '--masks', str(masks), *more)


@pytest.fixture(scope='module')
def best(data, finished, tmp_path_factory):
    """The finished project, continued with the preset `best`."""
    root = shutil.copytree(finished.root, tmp_path_factory.mktemp('best') / 'shapes')
    main(command(data, root, '--preset', 'best'))
    return Project(root, 2)


@pytest.fixture
def copied(best, tmp_path):
    return Project(shutil.copytree(best.root, tmp_path / 'shapes'), 2)


def test_a_finished_project_gets_the_stages_of_the_second_round_only(finished, best):
    before, after = finished.read_summary(), best.read_summary()
    assert set(after) - set(before) == {*ADDED} and (before['rounds'], after['rounds']) == (1, 2)
    for stage in ('check', 'split', 'classifier', 'labels', 'segmentor'):
        assert after[stage] == before[stage]
    kept = ('project.py', 'segmentor.py', 'checkpoints/*.pth', 'segmentor/*.pth', 'labels/**/*.*', 'data/*')
    assert files(best.root, *kept) == files(finished.root, *kept)
    assert set(after['labels_2']['thresholds']) == set(before['labels']['thresholds'])
    assert set(files(best.labels, 'masks/**/*.png')) == set(files(finished.labels, 'masks/**/*.png'))
    assert files(best.labels, 'masks/**/*.png') != files(finished.labels, 'masks/**/*.png')
    assert set(files(best.val_labels, '**/*.npz')) == set(files(finished.val_labels, '**/*.npz'))


def test_the_segmentor_is_trained_on_the_labels_of_its_round(finished, best):
    cfg = load_config(best.segmentor_config)
    assert cfg.train_dataloader.dataset.dataset.data_prefix.seg_map_path == f'{best.root}/labels_2/masks'
    one, other = weights(finished.segmentor), weights(best.segmentor)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_prediction_evaluation_and_report_use_the_last_round(data, best, tmp_path):
    inferencers = [
        WeakSegInferencer(project.segmentor_config, latest_checkpoint(project.segmentor))
        for project in (best.at(1), best)
    ]
    names = [str(data.images / name) for name in data.val]
    first, second = (one(names, return_scores=True)['predictions'] for one in inferencers)
    assert all((one['scores'] != other['scores']).any() for one, other in zip(first, second, strict=True))
    main(['predict', str(best.root), str(data.images), '--scores', '--out', str(tmp_path / 'masks')])
    for name, expected in zip(data.val, second, strict=True):
        stem = name if name.startswith('same') else name[:-4]
        scores = DEQUANTIZED[read_codes(tmp_path / f'masks/scores/{stem}.npz')]
        assert np.abs(scores - expected['scores']).max() < 0.005
        found = [best.predictions / f'masks/{name[:-4]}.png', tmp_path / f'masks/masks/{stem}.png']
        for path in found:
            np.testing.assert_array_equal(np.asarray(Image.open(path)), expected['mask'])
    checkpoint = json.loads((best.predictions / 'manifest.json').read_text())['checkpoint']
    assert Path(checkpoint).parts[-2:] == Path(latest_checkpoint(best.segmentor)).parts[-2:]
    page = (best.report / 'index.html').read_text()
    assert 'training on pseudo-labels, round 2' in page and 'labels_2/masks' in page
    with pytest.raises(SystemExit) as end:
        main(['predict', str(best.root), str(data.images), '--out', str(best.labels)])
    assert end.value.code == 2


def test_a_project_keeps_its_rounds(data, copied, capfd):
    for more in ((), ('--preset', 'best')):
        main(command(data, copied.root, *more))
        assert capfd.readouterr().out.count('done before') == 10
    assert '[10/10] report' not in (copied.root / 'run.log').read_text()


@EQUAL_WEIGHTS
def test_a_killed_second_round_continues(data, finished, best, tmp_path):
    """Killed in either stage, it ends with the labels and weights of an uninterrupted run, also without --preset."""
    root = shutil.copytree(finished.root, tmp_path / 'shapes')
    run = [sys.executable, '-m', 'mmwsl', *command(data, root, '--preset', 'best')]
    for file in ('labels_2/scores/05.npz', 'segmentor_2/iter_1.pth'):
        process = subprocess.Popen(run, stdout=subprocess.DEVNULL, start_new_session=True)
        while not (root / file).exists():
            assert process.poll() is None, 'ended before'
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        stage = file.partition('/')[0]
        assert Project(root).read_summary()[stage]['finished'] is False
        assert Project(root).model()[0].name == 'segmentor.py' and (root / 'report/index.html').is_file()
    main(command(data, root))
    assert files(root, 'labels_2/masks/**/*.png') == files(best.root, 'labels_2/masks/**/*.png')
    one, other = weights(root / 'segmentor_2'), weights(best.segmentor)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert files(root, 'predictions/**/*.png') == files(best.root, 'predictions/**/*.png')


def test_new_thresholds_change_the_labels_of_the_last_round(data, copied, tmp_path, capfd):
    root, classes = copied.root, copied.read_summary()['classes']
    before, first = files(copied.labels, 'masks/**/*.png'), files(copied.at(1).labels, '**/*.*')
    (tmp_path / 'mine.json').write_text(json.dumps(dict(classes=classes, thresholds=[0.3] * 6)))
    main(['label', str(root), '--thresholds', str(tmp_path / 'mine.json')])
    assert files(copied.labels, 'masks/**/*.png') != before and files(copied.at(1).labels, '**/*.*') == first
    main(['report', str(root)])
    assert copied.read_summary()['labels_2']['thresholds'] == dict.fromkeys(classes[1:], 0.3)
    with pytest.raises(SystemExit) as end:
        main(command(data, root))
    assert end.value.code == 2 and "inputs of the stage 'segmentor_2'" in capfd.readouterr().err
    main(command(data, root, '--overwrite'))
    printed = capfd.readouterr().out
    assert printed.count('done before') == 7 and '[8/10] segmentor_2: ' in printed
    assert 'thresholds: from a file' in copied.read_summary()['evaluation']['supervision']


def test_results_of_the_second_round_are_restored_or_made_again(data, copied, capfd):
    copied.labels_config.unlink()
    with pytest.raises(SystemExit) as end:
        main(command(data, copied.root))
    printed = capfd.readouterr().err
    assert end.value.code == 2 and "the stage 'labels_2' has finished, but" in printed and 'labels_2.py' in printed
    (copied.segmentor / 'notes.txt').write_text('mine')
    with pytest.raises(SystemExit) as end:
        main(command(data, copied.root, '--overwrite'))
    assert 'would be removed' in capfd.readouterr().err and latest_checkpoint(copied.segmentor)


def test_a_project_of_two_rounds_may_move(data, copied, tmp_path, capfd):
    moved = SimpleNamespace(root=tmp_path, images=tmp_path / 'images', names=data.names, val=data.val)
    shutil.copytree(data.images, moved.images)
    for name in ('labels.tsv', 'val.txt'):
        shutil.copy(data.root / name, tmp_path)
    (tmp_path / 'masks').mkdir()
    for path in (data.root / 'masks').rglob('*.png'):
        if path.stem in {name[:-4] for name in data.val} | set(data.val):
            shutil.copy(path, tmp_path / 'masks')
    main(arguments(moved, copied.root, '--masks', str(tmp_path / 'masks')))
    assert capfd.readouterr().out.count('done before') == 10
    for path in (copied.labels_config, copied.segmentor_config):
        assert str(data.images) not in path.read_text() and f"data_root = '{tmp_path}/images'" in path.read_text()
    shutil.rmtree(copied.labels / 'masks')
    main(['label', str(copied.root)])  # from the stored scores
    assert 'Epoch(test)' not in capfd.readouterr().out and len(files(copied.labels, 'masks/**/*.png')) == 12


def test_masks_of_training_images_are_known_in_each_round(data, copied, tmp_path, capfd):
    masks = shutil.copytree(data.root / 'masks', tmp_path / 'masks')
    (masks / '05.png').unlink()
    main(arguments(data, copied.root, '--masks', str(masks), '--overwrite'))
    printed = capfd.readouterr().out
    assert printed.count('done before') == 2 and '[10/10] report' in printed
    assert labels_tuned_on(load_config(copied.segmentor_config)).startswith('masks of 11 training images')


def test_an_unknown_preset(data, tmp_path):
    with pytest.raises(ValueError, match=r"`preset` must be one of .*, got 'slow'"):
        run_project(data.images, data.root / 'labels.tsv', tmp_path / 'out', Options(preset='slow'))
    assert not (tmp_path / 'out').exists()


def test_the_time_is_divided_over_the_rounds(data, tmp_path, capfd):
    given = [argument for argument in command(data, tmp_path / 'out') if argument not in ('--epochs', '1')]
    main([*given, '--preset', 'best', '--time', '0.1'])
    printed = capfd.readouterr().out
    assert '--time 0.1 will be exceeded' in printed and '[10/10]' in printed
    for stage, shortest in (('project', 60), ('affinity', 40), ('segmentor', 40), ('segmentor_2', 40)):
        assert load_config(tmp_path / f'out/{stage}.py').train_cfg.max_iters == shortest
    assert len(load_config(tmp_path / 'out/labels_2.py').tta_pipeline[-1].transforms[0]) == 1


def test_masks_that_chose_thresholds_of_the_first_round_are_named_in_every_number(copied):
    supervision = Supervision(copied, 12, 0, '', 2)
    assert supervision.of_segmentor == 'trained on image-level labels of 12 images, without masks'
    path = copied.at(1).labels / 'thresholds.json'
    write_json(path, json.loads(path.read_text()) | dict(tuned_on='masks of 3 images'))
    assert supervision.of_segmentor.endswith(', without masks; thresholds chosen with masks of 3 images')


def test_an_unfinished_project_says_that_it_predicts_by_its_classifier(finished, tmp_path):
    project = Project(tmp_path)
    project.write_summary({name: value for name, value in finished.read_summary().items() if name != 'segmentor'})
    with pytest.warns(UserWarning, match='has no trained segmentor: the masks are those of its classifier'):
        config, _ = project.model()
    assert config.name == 'project.py'


@pytest.fixture(scope='module')
def varied(best, tmp_path_factory):
    """The project, labeled in its second round by a segmentor whose scores differ from pixel to pixel."""
    project = Project(shutil.copytree(best.root, tmp_path_factory.mktemp('varied') / 'shapes'), 2)
    checkpoint = latest_checkpoint(project.at(1).segmentor)
    inferencer = WeakSegInferencer(project.at(1).segmentor_config, checkpoint)
    images = [item.img_path for item in project_items(project)]
    samples = inferencer(images, return_datasamples=True)['predictions']
    logits = torch.stack([one['data_sample'].seg_logits.data for one in samples])
    scale = 2 / logits.std((0, 2, 3))
    content = torch.load(checkpoint, weights_only=True)
    weight, bias = (content['state_dict'][f'decode_head.conv_seg.{name}'] for name in ('weight', 'bias'))
    weight *= scale[:, None, None, None]
    bias.copy_(scale * (bias - logits.mean((0, 2, 3))))
    torch.save(content, checkpoint)
    shutil.rmtree(project.labels)
    main(['label', str(project.root)])
    return project


def test_scores_are_the_normalized_sum_over_the_views_of_the_segmentor(varied):
    cfg = load_config(varied.at(1).segmentor_config)
    cfg.model.inference = None  # the labels are known: no image-level prior
    inferencers = []
    for side in (64, 96, 128):
        sized = copy.deepcopy(cfg)
        (resize,) = (step for step in sized.test_dataloader.dataset.pipeline if step.type == 'Resize')
        resize.scale = (side, side)
        inferencers.append(WeakSegInferencer(sized, latest_checkpoint(varied.at(1).segmentor)))
    checked = [item for item in project_items(varied) if item.labels][:3]
    for item in checked:
        image = np.asarray(Image.open(item.img_path).convert('RGB'))[..., ::-1]
        total = 0
        for inferencer in inferencers:
            for step in (1, -1):
                view = np.ascontiguousarray(image[:, ::step])
                scores = inferencer(view, return_scores=True)['predictions'][0]['scores'][..., ::step]
                present = scores[list(item.labels)]  # they share the probability of the absent foreground classes
                total = total + present / present.sum(0) * scores[1:].sum(0)
        expected = total / total.max((1, 2), keepdims=True)
        stored = DEQUANTIZED[read_codes(item.scores)]
        np.testing.assert_allclose(stored[list(item.labels)], expected, atol=0.012)  # 8 bits
        assert expected.std() > 0.03
        assert not np.delete(stored, [0, *item.labels], 0).any()


def test_uncertain_pixels_are_those_on_which_two_refinements_disagree(varied):
    chosen = json.loads((varied.labels / 'thresholds.json').read_text())['thresholds']
    logits = torch.tensor(chosen, dtype=torch.float64).logit()
    ignored = 0
    for item in [item for item in project_items(varied) if item.labels]:
        scores = torch.from_numpy(DEQUANTIZED[read_codes(item.scores)]).float()
        image = np.asarray(Image.open(item.img_path).convert('RGB'))
        refined = []
        for distance in (-0.5, 0.5):
            probs = logit_softmax(class_thresholds(scores, (logits + distance).sigmoid().float()), 1.0)
            plausible = probs.flatten(1).amax(1) >= 0.01
            plausible[0] = True
            colors = torch.from_numpy(image.copy()).permute(2, 0, 1)
            refined.append(dense_crf(probs, colors, CRF_PRESETS['ccnn'], None, plausible))
        mean = torch.stack(refined).mean(0)
        mean[1:][~scores[1:].flatten(1).any(1)] = 0
        highest, classes = mean[1:].max(0)
        expected = torch.where(highest > 0.75, classes + 1, torch.where(highest <= 0.25, 0, 255)).numpy()
        assert np.mean(np.asarray(Image.open(item.mask)) == expected) > 0.999
        ignored += (expected == 255).sum()
    assert ignored
