"""Durations and lengths that a project records for the stages to come."""

import pytest

from mmwsl.apis.project import Project
from mmwsl.apis.project.budget import Budget
from mmwsl.apis.project.durations import finished_seconds, follow_length, restore_times
from mmwsl.apis.project.stages import ProjectError, Stages, list_stages


@pytest.mark.parametrize('finished_before, expected', [(True, 0), (False, 60 + 20 + 30)])
def test_added_rounds_have_all_the_time_of_a_finished_project(tmp_path, finished_before, expected):
    seconds = dict(classifier=60.0, labels=20.0, segmentor=30.0)
    made = dict(inputs={}, config='segmentor.py', checkpoint='iter_4.pth', thresholds={})
    summary = {stage: dict(made, finished=True, seconds=value) for stage, value in seconds.items()}
    summary['evaluation'] = dict(finished=finished_before, seconds=5.0)
    Project(tmp_path).write_summary(summary)
    assert finished_seconds(Project(tmp_path), list_stages(2, True), 2) == expected
    assert finished_seconds(Project(tmp_path), list_stages(1, True), 1) == 60 + 20  # a segmentor may be trained again


def test_added_rounds_have_a_time_and_epochs_of_their_own(finished, tmp_path):
    project = Project(tmp_path)
    project.write_summary(finished.read_summary())
    stages = Stages(project, None, rounds=2)
    before = project.read_summary()['classifier']['inputs']
    assert (before['minutes'], before['epochs']) == (None, 1.0)
    follow_length(project, 1, 30.0, None)
    with pytest.raises(ProjectError, match='other inputs'):  # nothing is added
        stages.compare('classifier', before | dict(minutes=30.0, epochs=None))
    follow_length(project, 2, 30.0, None)
    stages.compare('classifier', before | dict(minutes=30.0, epochs=None))
    project.at(2).segmentor_config.touch()  # the length of the training stands in it
    follow_length(project, 2, None, 3.0)
    with pytest.raises(ProjectError, match='other inputs'):
        stages.compare('classifier', before | dict(minutes=None, epochs=3.0))


def test_measured_durations_are_known_to_the_next_run(finished, tmp_path):
    times = finished.read_summary()['times']
    assert 0 < times['forward'] != 0.1 and 0 < times['mask'] != 0.5
    budget = Budget(None, 10, 5)
    restore_times(finished, budget)
    assert (budget.forward, budget.mask) == (times['forward'], times['mask'])
    restore_times(Project(tmp_path), budget)  # without a record
    assert (budget.forward, budget.mask) == (times['forward'], times['mask'])
