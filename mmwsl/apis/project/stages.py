"""Stages of a project: each is done once for its inputs, so that an interrupted run continues."""

import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any
from zipfile import is_zipfile

from mmwsl.apis.pseudo_labels.manifest import Manifest, as_json, list_differences
from mmwsl.utils.console import Console
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.text import first_five

from .layout import Project, split_name, stage_name

STAGES = dict(
    check='images, labels and masks',
    split='images to train and to validate',
    classifier='a network trained on the image-level labels',
    labels='pseudo-labels of the training images',
    affinity='a network learns boundaries from the pseudo-labels, up to which a random walk spreads their scores',
    segmentor='a segmentor trained on the pseudo-labels',
    evaluation='masks of the validation images, compared with the ground truth if there is any',
    report='pages for the browser',
)
"""Stages in their order, and what each makes."""
REPEATED = ('labels', 'segmentor')
"""Stages of each self-training round."""


def list_stages(rounds: int, affinity: bool) -> list[str]:
    """Return the names of the stages in their order.

    Args:
        rounds: Number of self-training rounds.
        affinity: Whether the labels of the first round are refined by an affinity network.
    """
    first = [stage for stage in STAGES if affinity or stage != 'affinity']
    last = first.index(REPEATED[-1]) + 1
    later = [stage_name(stage, round) for round in range(2, rounds + 1) for stage in REPEATED]
    return [*first[:last], *later, *first[last:]]


def wants_affinity(summary: Mapping[str, Any]) -> bool:
    """Tell whether an affinity network refines the labels of the first round.

    Not those of a project of an earlier version that has a segmentor without it: its results stay as they are.
    """
    return 'affinity' in summary or 'segmentor' not in summary


class ProjectError(ValueError):
    """Error: a project folder holds results of other inputs than the requested ones."""


class Stages:
    """Bookkeeping of the stages in ``summary.json``.

    A stage has inputs, a mapping that can be stored as JSON, and a result. With equal inputs, a finished stage is not
    run again. With other inputs, its results and those of the later stages are replaced only if ``overwrite`` is set.

    Args:
        project: The project.
        console: Where the stages report.
        overwrite: Whether to replace results of other inputs.
        rounds: See :func:`list_stages`.
        affinity: See :func:`list_stages`.
    """

    def __init__(
        self, project: Project, console: Console, overwrite: bool = False, rounds: int = 1, affinity: bool = False
    ) -> None:
        self.project, self.console, self.overwrite = project, console, overwrite
        self.names, self.order = list_stages(rounds, affinity), list_stages(rounds, affinity=True)
        self.start = time.monotonic()

    def run(
        self,
        name: str,
        inputs: Mapping[str, Any],
        function: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """Run a stage, unless it is finished.

        Args:
            name: One of :func:`list_stages`.
            inputs: What the result depends on, besides the earlier stages.
            function: Runs or resumes the stage and returns its result.

        Returns:
            The result.

        Raises:
            ProjectError: If there are results of other inputs, and ``overwrite`` is not set.
        """
        inputs = as_json(inputs)
        self.compare(name, inputs)
        before = self.project.read_summary().get(name, {})
        text = f'[{self.names.index(name) + 1}/{len(self.names)}] {name}: {_describe(name)}'
        if before.get('finished') and self._is_complete(name, before):
            self.console.print(f'{text}, done before')
            result: dict[str, Any] = before
            return result
        begun = self.project.read_summary().get(name, {})  # unless it was discarded
        self.project.update_summary(**{name: begun | dict(inputs=inputs, finished=False)})
        start = time.monotonic()
        self.console.print(text)
        result = dict(function(), inputs=inputs, finished=True, seconds=round(time.monotonic() - start, 1))
        self.project.update_summary(**{name: result})
        return result

    def compare(self, name: str, inputs: Mapping[str, Any]) -> None:
        """Compare the inputs of a stage with those of its results; see :meth:`run`.

        Raises:
            ProjectError: If they differ, and ``overwrite`` is not set; else the results are deleted.
        """
        before = self.project.read_summary().get(name)
        if before and (differences := list_differences(before.get('inputs', {}), as_json(inputs))):
            self._discard(name, differences)

    def _is_complete(self, name: str, result: Mapping[str, Any]) -> bool:
        """Tell whether what a finished stage made is there. Predictions are made again, all else must be restored."""
        root = self.project.root
        if name == 'evaluation':
            return not OutputFolder(self.project.predictions, '').lost('masks/')
        paths = [root / result[key] for key in ('config', 'checkpoint') if key in result]
        wrong = [path for path in paths if not path.exists() or path.suffix == '.pth' and not is_zipfile(path)]
        advice = 'Restore it, or pass --overwrite to repeat this stage and the later ones'
        stage, round = split_name(name)
        labels = self.project.at(round).labels
        if stage == 'labels' and not wrong and not Manifest(labels).content.get('next_rule'):  # else: being replaced
            wrong = [labels / mask for mask in OutputFolder(labels, '').lost('masks/')]
            if round == self.project.last('labels').round:
                thresholds = shlex.quote(str(labels / 'thresholds.json'))
                advice = f'`mmwsl label {shlex.quote(str(root))} --thresholds {thresholds}` writes it again'
        if wrong and not self.overwrite:
            raise ProjectError(
                f'--out {str(root)!r}: the stage {name!r} has finished, but {str(wrong[0])!r} is missing or damaged. '
                f'{advice}.'
            )
        if wrong:
            self._discard(name, f'{wrong[0]} is missing or damaged')
        return not wrong

    def _discard(self, name: str, differences: str) -> None:
        if not self.overwrite:
            raise ProjectError(
                f'--out {str(self.project.root)!r} holds results of other inputs of the stage {name!r} '
                f'({differences}). Pass --overwrite to repeat this stage and the later ones, or another --out.'
            )
        self.discard(name)

    def check_discard(self, name: str) -> None:
        """Check that the folders of a stage and of the later ones have no other files.

        Raises:
            ProjectError: If they have.
        """
        if foreign := [str(path) for stage in self._later(name) for path in self.project.foreign_files(stage)]:
            raise ProjectError(
                f'--out {str(self.project.root)!r}: files that `mmwsl run` did not make would be removed: '
                f'{first_five(foreign)}. Move them away.'
            )

    def discard(self, name: str) -> None:
        """Delete the results of a stage and of the later ones.

        Raises:
            ProjectError: If their folders have other files.
        """
        self.check_discard(name)
        later, summary = self._later(name), self.project.read_summary()
        # Deleted first, the latest stage first: an interrupted deletion is repeated.
        for path in (path for stage in reversed(later) for path in self.project.outputs(stage)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.project.write_summary({key: value for key, value in summary.items() if key not in later})

    def _later(self, name: str) -> list[str]:
        return self.order[self.order.index(name) :]


def _describe(name: str) -> str:
    stage, round = split_name(name)
    return STAGES[stage] if round == 1 else f'{STAGES[stage]}, round {round}'
