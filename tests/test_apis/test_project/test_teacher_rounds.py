"""Pseudo-labels of a project by CLIP: two rounds, and a command that is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time

from mmwsl.apis.project import Project
from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.cli.main import main

from .conftest import arguments, rejected


def content(folder):
    """Return the files of a folder that hold labels or weights."""
    paths = [path for end in ('npz', 'png', 'pth') for path in folder.rglob(f'*.{end}')]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_teacher_labels_for_the_first_of_two_rounds(finished, clip_folder, data, tmp_path, capfd):
    project = Project(shutil.copytree(finished.root, tmp_path / 'shapes'))
    second, masks = project.at(2), finished.read_summary()['data']['masks']
    command = arguments(data, project.root, '--masks', masks)
    main([*command, '--preset', 'best'])
    first = {path: content(path) for path in (project.labels, second.labels, project.segmentor, second.segmentor)}

    def changed():
        return {path.name for path, before in first.items() if content(path) != before}

    for _ in range(2):  # the second time nothing is predicted
        capfd.readouterr()
        main(['label', str(project.root), '--teacher', str(clip_folder)])
    assert 'scores' not in capfd.readouterr().out and changed() == {'labels'}
    assert project.teacher_config.is_file() and not second.teacher_config.exists()
    rejected(command, "inputs of the stage 'segmentor'", capfd)
    main([*command, '--overwrite'])
    summary = project.read_summary()
    assert changed() == {'labels', 'labels_2', 'segmentor', 'segmentor_2'} and summary['rounds'] == 2
    assert 'teacher' in summary['segmentor']['inputs'] and 'teacher' not in summary['segmentor_2']['inputs']
    assert Manifest(second.labels).content['options']['model']['type'] != 'mmwsl.CLIPSegmentor'
    assert 'pseudo-labels by CLIP in' in summary['evaluation']['supervision']
    assert 'pseudo-labels by CLIP in' in (project.report / 'index.html').read_text()
    main(['label', str(project.root)])  # the last round, which has no teacher
    assert not second.teacher_config.exists() and project.read_summary()['labels'] == summary['labels']
    main(['label', str(project.root), '--teacher', 'none'])
    assert content(project.labels) == first[project.labels] and 'segmentor' in changed()
    main([*command, '--overwrite'])
    assert not changed() & {'labels', 'labels_2'}
    assert 'CLIP' not in project.read_summary()['evaluation']['supervision']


def test_a_killed_command_ends_with_the_same_masks(finished, taught, clip_folder, tmp_path):
    """Killed while it scores, and after the scores, before the masks."""
    project = Project(shutil.copytree(finished.root, tmp_path / 'shapes'))
    command = [sys.executable, '-m', 'mmwsl', 'label', str(project.root), '--teacher', str(clip_folder)]
    for count in (3, 12):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        while not project.teacher_config.exists() or len([*project.labels.rglob('*.npz')]) < count:
            assert process.poll() is None, 'ended before'
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert project.read_summary()['labels']['finished'] is False
        assert not [*(project.labels / 'masks').rglob('*.png')]
    (project.root / 'tmp_teacher_trial.py_abc.part').touch()  # an interruption while the config was written
    main(['label', str(project.root), '--teacher', str(clip_folder)])
    assert content(project.labels) == content(taught.labels)
    assert project.read_summary()['labels'] == taught.read_summary()['labels']
    assert not [*project.root.glob('*_trial.py*')]
