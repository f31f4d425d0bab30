"""Durations that a project recorded, for the time that is left to the stages to come."""

from .budget import Budget
from .layout import Project, stage_name


def finished_seconds(project: Project, names: list[str], rounds: int) -> float:
    """Return the seconds of the finished stages before the last training.

    A finished project that gets more rounds has all the time for them.

    Args:
        project: The project.
        names: Names of its stages, see :func:`.stages.list_stages`.
        rounds: Number of its rounds.
    """
    summary = project.read_summary()
    done = project.last('segmentor').round if summary.get('evaluation', {}).get('finished') else 0
    first = stage_name('labels', done + 1) if 0 < done < rounds else 'classifier'
    counted = names[names.index(first) : names.index(stage_name('segmentor', rounds))]
    return float(sum(summary.get(stage, {}).get('seconds', 0) for stage in counted))


def follow_length(project: Project, rounds: int, minutes: float | None, epochs: float | None) -> None:
    """Record ``--time`` and ``--epochs`` of the rounds that are added to a project: earlier trainings keep theirs."""
    summary, trained = project.read_summary(), project.last('segmentor').round
    finished = summary.get(stage_name('segmentor', trained), {}).get('finished')
    if finished and trained < rounds and not project.at(trained + 1).segmentor_config.exists():
        stage = summary['classifier']
        stage['inputs'] |= dict(minutes=minutes, epochs=epochs)
        project.update_summary(classifier=stage)


def record_times(project: Project, budget: Budget) -> None:
    """Record the measured durations of a prediction and of a mask."""
    project.update_summary(times=dict(forward=budget.forward, mask=budget.mask))


def restore_times(project: Project, budget: Budget) -> None:
    """Give a budget the durations that an earlier run measured, if any."""
    times = project.read_summary().get('times', {})
    budget.forward, budget.mask = times.get('forward', budget.forward), times.get('mask', budget.mask)
