"""Pseudo-labels of a project by CLIP, through the command: `mmwsl label --teacher`."""

import json
import shutil
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.config import load_config
from mmwsl.apis.project import Project
from mmwsl.apis.project.labels import project_items
from mmwsl.apis.project.teacher import Labeler, RecordLabeler, describe_labeler, read_texts
from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.cli.main import main
from mmwsl.functional import DEQUANTIZED
from mmwsl.registry import MODELS
from mmwsl.utils.images import read_bgr
from tests.tiny_transformers import REASON, write_vision

from .conftest import PATCH, arguments, rejected, scores_of

transformers = pytest.importorskip('transformers', reason=REASON)


def test_scores_are_those_of_the_labeled_classes_by_clip(taught, clip_folder):
    classes = taught.read_summary()['classes']
    cfg = load_config(taught.teacher_config)
    assert cfg.model.decode_head.class_names == classes[1:] and cfg.model.backbone.folder == str(clip_folder)
    assert cfg.model.inference.class_maps.attention_layers == 3  # the tiny model has no eight
    assert [step.get('size_divisor') for step in cfg.test_pipeline if 'Multiple' in step.type] == [PATCH]
    model = MODELS.build(cfg.model).eval()
    for item in [item for item in project_items(taught) if item.labels][:3]:
        codes, image = read_codes(item.scores), read_bgr(item.img_path)
        large = cv2.resize(cv2.resize(image, (512, 512)), (528, 528), interpolation=cv2.INTER_CUBIC)
        sample = SegDataSample(metainfo=dict(ori_shape=image.shape[:2], img_shape=(528, 528)))
        score = torch.zeros(len(classes)).index_fill(0, torch.tensor(item.labels, dtype=torch.int64), 1)
        sample.gt_label = LabelData(score=score)
        (found,) = model.test_step(dict(inputs=[torch.from_numpy(large).permute(2, 0, 1)], data_samples=[sample]))
        probs = found.pred_scores.data
        assert probs[list(item.labels)].std() > 0.01
        assert np.abs(DEQUANTIZED[codes] - probs.numpy()).max() < 0.02
        assert set(np.unique(np.asarray(Image.open(item.mask)))) <= {0, 255, *item.labels}
    assert Manifest(taught.labels).content['options']['model']['type'] == 'mmwsl.CLIPSegmentor'
    assert 'masks of VOC 2012' in json.dumps(Manifest(taught.labels).content['provenance'])


def test_the_summary_names_the_teacher_and_nothing_of_the_network_is_left(taught, clip_folder):
    labels = taught.read_summary()['labels']
    assert labels['teacher']['folder'] == str(clip_folder) and labels['finished'] and 'agreement' not in labels
    assert not list(taught.labels.glob('agreement.json')) and not list(taught.val_labels.rglob('*.npz'))
    assert not list(taught.root.glob('*_trial.py')) and taught.teacher_config.is_file()


def test_the_same_command_predicts_nothing_again(taught, clip_folder):
    before = {item.name: item.scores.stat().st_mtime_ns for item in project_items(taught)}
    main(['label', str(taught.root), '--teacher', str(clip_folder)])
    main(['label', str(taught.root)])  # the teacher remains
    assert before == {item.name: item.scores.stat().st_mtime_ns for item in project_items(taught)}


def test_an_interrupted_command_scores_only_what_is_missing(taught, clip_folder, tmp_path):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    items = project_items(project)
    expected = scores_of(project)
    items[0].scores.unlink()
    before = items[1].scores.stat().st_mtime_ns
    project.teacher_config.unlink()  # an interruption just before it was written
    main(['label', str(project.root), '--teacher', str(clip_folder)])
    assert project.teacher_config.is_file() and items[1].scores.stat().st_mtime_ns == before
    assert all(np.array_equal(scores_of(project)[name], value) for name, value in expected.items())


def test_the_network_of_the_project_returns(taught, finished, data, tmp_path, capfd):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    masks = finished.read_summary()['data']['masks']
    with pytest.raises(SystemExit) as end:  # the segmentor was trained on other labels
        main(arguments(data, project.root, '--masks', masks))
    assert end.value.code == 2 and "inputs of the stage 'segmentor'" in capfd.readouterr().err
    main(['label', str(project.root), '--teacher', 'none'])
    assert not project.teacher_config.exists() and 'teacher' not in project.read_summary()['labels']
    expected = scores_of(finished)
    assert all(np.array_equal(value, expected[name]) for name, value in scores_of(project).items())


def test_a_segmentor_is_trained_on_the_labels_of_the_teacher(taught, finished, data, tmp_path):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    masks = finished.read_summary()['data']['masks']
    main(arguments(data, project.root, '--masks', masks, '--overwrite'))
    summary = project.read_summary()
    assert summary['segmentor']['inputs']['teacher'] == summary['labels']['teacher']
    assert 'pseudo-labels by CLIP in' in summary['evaluation']['supervision']
    assert 'CLIPSegmentor' in json.dumps(Manifest(project.val_labels).content['options'])
    moved = shutil.copytree(data.images, tmp_path / 'moved')
    command = arguments(data, project.root, '--masks', masks)
    command[1] = str(moved)
    main(command)
    assert load_config(project.teacher_config).data_root == str(moved)
    assert describe_labeler(project)['teacher'] == summary['labels']['teacher']  # the same teacher


def test_a_command_that_fails_when_scores_were_replaced_is_repeated(taught, clip_folder, tmp_path, capfd):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    rejected(['label', str(project.root), '--teacher', str(tmp_path)], 'has no config.json', capfd)
    assert project.read_summary()['labels']['finished']
    broken = shutil.copytree(clip_folder, tmp_path / 'broken')
    model = transformers.CLIPModel.from_pretrained(broken, local_files_only=True)
    torch.nn.init.constant_(model.visual_projection.weight, float('nan'))
    model.save_pretrained(broken)
    with pytest.raises(SystemExit):
        main(['label', str(project.root), '--teacher', str(broken)])
    assert 'must not be NaN' in capfd.readouterr().err
    assert not project.read_summary()['labels']['finished']


def test_half_precision(taught, clip_folder, tmp_path, capfd):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    main(['label', str(project.root), '--teacher', str(clip_folder), '--dtype', 'bfloat16'])
    assert load_config(project.teacher_config).model.backbone.dtype == 'bfloat16'
    before, after = scores_of(taught), scores_of(project)
    differences = np.concatenate([np.abs(DEQUANTIZED[before[n]] - DEQUANTIZED[after[n]]).ravel() for n in before])
    assert 0 < differences.mean() < 0.1
    rejected(['label', str(taught.root), '--teacher', str(clip_folder), '--dtype', 'int8'], "'bfloat16')", capfd)
    rejected(['label', str(taught.root), '--dtype', 'bfloat16'], '--dtype must be given with --teacher', capfd)


def test_classes_whose_text_does_not_fit_are_named(taught, clip_folder, tmp_path, capfd):
    """The text of a class wins if its probability is above those of the background and of the absent classes."""
    cfg = load_config(taught.teacher_config)
    record = RecordLabeler(taught, Labeler(cfg, None))
    for probs, labels in (
        ([0.1, 0.4, 0.3, 0.2, 0, 0, 0], [1, 2, 3]),  # the background is above none of them
        ([0.3, 0.6, 0.1, 0.0, 0, 0, 0], [1, 3]),  # the background is above the third
        ([0.1, 0.2, 0.0, 0.0, 0, 0, 0.7], [1]),  # an absent class is above the first
        ([0.9, 0.1, 0.0, 0.0, 0, 0, 0], []),
        ([0.1, 0.2, 0.0, 0.0, 0, 1, 0], [1, 4, -5]),  # an unknown class is neither a rival nor present
    ):
        sample = SegDataSample()
        known = torch.zeros(7)
        for label in labels:
            known[abs(label)] = 1 if label > 0 else -1
        probs = torch.tensor(probs)
        sample.gt_label = LabelData(score=known)
        sample.pred_label = LabelData(score=torch.where(known < 0, probs, known), raw_score=probs)
        record.after_test_iter(None, 0, outputs=[sample])
    names = cfg.classes[1:]
    assert record.counts == {1: [True, True, False, True], 2: [True], 3: [True, False], 4: [False]}
    record.counts.pop(4)
    assert record.describe() == ''
    record.counts = {1: [True] + [False] * 9, 2: [True] + [False] * 10, 3: [False]}
    assert record.describe().startswith(
        f'CLIP seldom recognizes {names[1]!r} (1 of 11), {names[2]!r} (0 of 1) in images with that label'
    )
    own = RecordLabeler(taught, Labeler(cfg, 'iter_1.pth'))
    own.after_test_iter(None, 0, outputs=[sample])
    assert own.counts == {} and own.describe() == ''
    # The random weights of the folder prefer the many words for the background.
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    shutil.rmtree(project.labels)
    main(['label', str(project.root), '--teacher', str(clip_folder)])
    assert capfd.readouterr().out.count('Pass others with --prompts FILE') == 1


def test_masks_that_were_changed_by_hand_are_not_lost(taught, clip_folder, tmp_path, capfd):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    mask = project_items(project)[0].mask
    Image.fromarray(np.full((64, 64), 1, np.uint8)).save(mask)
    with pytest.raises(SystemExit) as end:
        main(['label', str(project.root), '--teacher', 'none'])
    assert end.value.code == 2 and 'were changed since they were written' in capfd.readouterr().err
    assert project.teacher_config.is_file() and (np.asarray(Image.open(mask)) == 1).all()


def test_texts_of_a_file_change_the_scores(taught, clip_folder, tmp_path):
    project = Project(shutil.copytree(taught.root, tmp_path / 'shapes'))
    before = scores_of(project)
    texts = tmp_path / 'texts.json'
    texts.write_text(
        json.dumps(dict(prompts=dict(star=['star', 'sun']), background_prompts=['sand'], templates=['a {}.']))
    )
    main(['label', str(project.root), '--teacher', str(clip_folder), '--prompts', str(texts)])
    head = load_config(project.teacher_config).model.decode_head
    assert head.prompts.star == ['star', 'sun'] and head.background_prompts == ['sand'] and head.templates == ['a {}.']
    assert any(not np.array_equal(before[name], value) for name, value in scores_of(project).items())


def test_default_texts():
    texts = read_texts(None, ['person', 'traffic_light', 'Sky', 'zebra'])
    assert texts['prompts'] == dict(person='person with clothes,people,human', traffic_light='traffic light')
    assert 'sky' not in texts['background_prompts'] and 'ground' in texts['background_prompts']
    assert texts['templates'] == ['a clean origami {}.']


@pytest.mark.parametrize(
    'texts, words',
    [
        (None, 'is not a file'),
        ('star', 'not JSON'),
        ('[]', 'must be an object'),
        ('{"prompts": {"stars": "star"}}', "got 'stars'"),
        ('{"prompt": {}}', "names of ['prompts', 'background_prompts', 'templates'], got 'prompt'"),
        ('{"prompts": {"star": 3}}', '`prompts.star` must be a text'),
        ('{"background_prompts": "sky"}', '`background_prompts` must be a list'),
        ('{"background_prompts": []}', 'at least one word'),
        ('{"templates": ["a star"]}', 'one {} each'),
        (json.dumps(dict(prompts=dict(star='s ' * 80))), "--prompts: the text of class 'star' must have at most 77"),
    ],
)
def test_wrong_texts_are_one_line_and_change_nothing(taught, clip_folder, tmp_path, capfd, texts, words):
    file = tmp_path / 'texts.json'
    if texts is not None:
        file.write_text(texts)
    summary, config = taught.summary.read_bytes(), taught.teacher_config.read_bytes()
    rejected(['label', str(taught.root), '--teacher', str(clip_folder), '--prompts', str(file)], words, capfd)
    assert taught.teacher_config.read_bytes() == config and len(scores_of(taught)) == 12
    assert json.loads(summary) == taught.read_summary()


def test_folders_without_clip_are_one_line(taught, clip_folder, tmp_path, capfd, monkeypatch):
    vit = write_vision(tmp_path / 'vit', 'ViT')
    weights = tmp_path / 'weights'
    weights.mkdir()
    broken = shutil.copytree(clip_folder, tmp_path / 'broken')
    (broken / 'model.safetensors').write_bytes(b'x')
    capfd.readouterr()
    for given, words in (
        (tmp_path / 'none', 'does not exist'),
        (weights, 'has no config.json'),
        (vit, "must be the folder of a CLIP model, got 'vit'"),
        (broken, 'cannot be read by transformers'),
    ):
        rejected(['label', str(taught.root), '--teacher', str(given)], words, capfd)
    rejected(['label', str(taught.root), '--prompts', 'x.json'], '--teacher FOLDER', capfd)
    before = taught.read_summary()
    monkeypatch.setitem(sys.modules, 'transformers', None)
    rejected(['label', str(taught.root), '--teacher', str(clip_folder)], 'pip install', capfd)
    assert taught.read_summary() == before and len(scores_of(taught)) == 12
