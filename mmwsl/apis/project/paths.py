"""Folders and files that a project reads: kept apart from it, and followed if they were moved."""

import json
import os
from pathlib import Path

from mmwsl.apis.config import load_config
from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.utils.files import atomic_write
from mmwsl.utils.output_path import check_apart, check_writable
from mmwsl.utils.text import first_five, is_utf8

from .layout import Project
from .stages import ProjectError


def check_paths(project: Project, images: str | Path, *files: str | Path | None) -> None:
    """Check that the project folder is new or a project, and apart from the images, labels and masks.

    Raises:
        OutputError: If it is not apart from the inputs, or cannot be written.
        ProjectError: If it holds anything else: a run writes into this folder, and replaces what it wrote.
    """
    check_apart(project.root, [path for path in (images, *files) if path is not None and os.path.exists(path)])
    check_writable(project.root)
    out = project.root.absolute().resolve()
    if out.exists() and 'check' not in project.read_summary():
        names = {path.name for path in out.iterdir()} - {'run.log'}
        if names:
            raise ProjectError(
                f'--out {str(project.root)!r} must be a new folder or a project, got one with {first_five(names)}. '
                'Pass another folder.'
            )
    if wrong := [str(path) for path in (images, *files) if path is not None and '{{' in str(path)]:
        raise ProjectError(f'a path must not have {{{{, which configs replace, got {wrong[0]!r}. Rename the folder.')
    if wrong := [str(path) for path in (out, images, *files) if path and not is_utf8(os.path.abspath(path))]:
        raise ProjectError(f'a path must be UTF-8, as configs are, got {wrong[0]!r}. Rename the file or folder.')
    if set('\'"\\{') & set(str(out)):
        raise ProjectError(
            f'--out {str(out)!r} must have no quote, backslash or brace in its path: configs could not name it. Pass '
            'another folder.'
        )


def follow_folders(project: Project, images: Path, masks: Path | None, weights: str | None = None) -> None:
    """Replace what was moved in the configs of a project and in the record of its pseudo-labels.

    The caller has compared the content with what the project was made of.

    Args:
        project: The project.
        images: Folder of the images.
        masks: Folder of the ground-truth masks, if there are any.
        weights: File of the weights of the backbone, if there are any.
    """
    before, after = _moved_weights(project, weights)
    rounds = [project.at(round) for round in range(1, project.rounds + 1)]
    configs = [path for one in rounds for path in (one.labels_config, one.segmentor_config, one.teacher_config)]
    configs.append(project.affinity_config)
    for path in configs:
        if not path.exists():
            continue
        lines = path.read_text(encoding='utf-8').splitlines()
        moved = [line.replace(repr(before), repr(after)) for line in lines]
        for start, folder in (('data_root = ', images), ('masks = ', masks)):
            if folder is not None:
                moved = [f'{start}{str(folder)!r}' if line.startswith(start) else line for line in moved]
        if moved != lines:
            with atomic_write(path) as file:
                file.write('\n'.join([*moved, '']).encode())
    for manifest in (Manifest(folder) for one in rounds for folder in (one.labels, one.val_labels)):
        if options := manifest.content.get('options'):
            followed = json.loads(json.dumps(options).replace(json.dumps(before), json.dumps(after)))
            followed['dataset']['data_root'] = str(images)
            if followed != options:
                manifest.update(options=followed)


def _moved_weights(project: Project, weights: str | None) -> tuple[str, str]:
    """Return where the weights of the backbone were and are; two empty texts if they were not moved."""
    if weights is None or not project.config.exists():
        return '', ''
    backbone = load_config(project.config).model.backbone
    before = (backbone.get('backbone', backbone).get('init_cfg') or {}).get('checkpoint')
    return (before, os.path.abspath(weights)) if before and not os.path.exists(before) else ('', '')
