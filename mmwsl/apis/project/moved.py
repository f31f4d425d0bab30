"""Folders of images and masks that were moved after a project was made."""

from pathlib import Path

from mmwsl.apis.pseudo_labels.manifest import Manifest
from mmwsl.utils.files import atomic_write

from .layout import Project


def follow_folders(project: Project, images: Path, masks: Path | None) -> None:
    """Replace the folders in the configs of a project and in the record of its pseudo-labels.

    The caller has compared the content of the images with that of the images the project was made of.

    Args:
        project: The project.
        images: Folder of the images.
        masks: Folder of the ground-truth masks, if there are any.
    """
    for path in (project.config, project.segmentor_config):
        if not path.exists():
            continue
        lines = path.read_text(encoding='utf-8').splitlines()
        moved = list(lines)
        for start, folder in (('data_root = ', images), ('masks = ', masks)):
            if folder is not None:
                moved = [f'{start}{str(folder)!r}' if line.startswith(start) else line for line in moved]
        if moved != lines:
            with atomic_write(path) as file:
                file.write('\n'.join([*moved, '']).encode())
    for manifest in (Manifest(project.labels), Manifest(project.val_labels)):
        options = manifest.content.get('options')
        if options and options['dataset']['data_root'] != str(images):
            manifest.update(options=options | dict(dataset=options['dataset'] | dict(data_root=str(images))))
