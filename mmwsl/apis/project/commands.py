"""Single stages of a finished project, by themselves."""

import shlex
from pathlib import Path

from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.pseudo_labels.manifest import Manifest, list_differences
from mmwsl.utils.console import Console, quiet
from mmwsl.utils.files import remove_partial_files

from .check import check_data
from .data_check import DataCheck, DataError
from .labels import label_images
from .layout import Project, stage_name
from .report import report_project
from .teacher import chosen_labeler


def open_project(folder: str | Path) -> Project:
    """Open a project folder.

    Raises:
        FileNotFoundError: If it is not one.
    """
    project = Project(Path(folder))
    summary = project.read_summary()
    if 'checkpoint' not in summary.get('classifier', {}) or 'classes' not in summary:
        raise FileNotFoundError(
            f'project={str(folder)!r} must be a folder of `mmwsl run`, got one without a trained network. Run '
            f'`mmwsl run IMAGES --labels FILE --out {shlex.quote(str(folder))}`.'
        )
    return project


@writes_alone(lambda given: given['folder'], 'project')
def label_project(
    folder: str | Path,
    thresholds: str | Path | None = None,
    overwrite: bool = False,
    teacher: str | Path | None = None,
    prompts: str | Path | None = None,
    dtype: str | None = None,
) -> Path:
    """Write the pseudo-labels of the last round of a project, with ``teacher`` those of the first; resumes.

    The segmentor that is trained on the labels of a teacher generates those of the second round.

    Args:
        folder: The project folder.
        thresholds: JSON file of thresholds; None chooses them without masks.
        overwrite: Whether to replace masks that were changed since they were written, such as by hand.
        teacher: See :func:`.teacher.chosen_labeler`.
        prompts: See :func:`.teacher.read_texts`.
        dtype: See :func:`.teacher.chosen_labeler`.

    Returns:
        The folder of the masks.
    """
    opened = open_project(folder)
    remove_partial_files(opened.root)
    last = opened.last('labels')
    project = last if teacher is None else opened
    stage = stage_name('labels', project.round)
    with quiet(project.root / 'run.log') as console:
        check_project(project, console)
        before, manifest = project.read_summary().get(stage, {}), Manifest(project.labels).content
        project.update_summary(**{stage: before | dict(finished=False)})  # an interrupted command is repeated
        try:
            with chosen_labeler(project, teacher, prompts, dtype) as labeler:
                result = label_images(project, console, thresholds, overwrite=overwrite, labeler=labeler)
        except (FileNotFoundError, ImportError, ValueError):
            if Manifest(project.labels).content == manifest:  # nothing was replaced
                project.update_summary(**{stage: before})
            raise
        if thresholds is not None or teacher is not None:  # the agreement of other masks
            for key in ('agreement', 'teacher'):
                before.pop(key, None)
            (project.labels / 'agreement.json').unlink(missing_ok=True)
        project.update_summary(**{stage: before | result | dict(inputs={}, finished=True)})
        masks = project.labels / 'masks'
        console.print(f'{masks}: {result["images"]} masks, {result["ignored"]}% of the pixels are uncertain (255)')
        quoted = shlex.quote(str(folder))
        shown = f'`mmwsl report {quoted}`, or ' if project == last else ''  # the report shows the last round
        console.print(f'Next: {shown}`mmwsl run ... --out {quoted} --overwrite` trains on them.')
    return masks


@writes_alone(lambda given: given['folder'], 'project')
def refresh_report(folder: str | Path) -> Path:
    """Write the report of a project again."""
    project = open_project(folder)
    with quiet(project.root / 'run.log') as console:
        return report_project(project, check_project(project, console))


def check_project(project: Project, console: Console) -> DataCheck:
    """Check the data of a project again, with the arguments of its run.

    Raises:
        DataError: If the images or their labels are others now.
        FileNotFoundError: If a file or folder was moved.
    """
    summary = project.read_summary()
    data = summary['data']
    try:
        with console.progress(summary.get('check', {}).get('inputs', {}).get('images', 0), 'images read') as bar:
            images, labels, val, masks = (data[name] for name in ('images', 'labels', 'val', 'masks'))
            check = check_data(images, labels, val, masks, bar.advance, **data['label_options'])
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{error} If it was moved, repeat `mmwsl run` with the new paths.') from error
    if differences := list_differences(summary.get('check', {}).get('inputs'), check.inputs):
        raise DataError(
            f'project={str(project.root)!r} must have the images and labels of its run, got others: {differences}. '
            f'Repeat `mmwsl run ... --out {shlex.quote(str(project.root))} --overwrite`.'
        )
    return check
