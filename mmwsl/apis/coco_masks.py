"""Command ``tools/coco_masks.py``."""

import os
import shutil
from pathlib import Path, PurePosixPath

from mmengine.utils import track_iter_progress

from mmwsl.annotations import coco_masks, load_coco, write_mask
from mmwsl.annotations.coco import COCOFile
from mmwsl.apis.arguments import add_overwrite, say_results
from mmwsl.apis.folder_use import writes_alone
from mmwsl.datasets.classes import voc_colormap
from mmwsl.utils.files import is_inside
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.output_path import OutputError
from mmwsl.utils.parser import Parser
from mmwsl.utils.text import first_five, shorten

STAGED = '.masks.part'
"""Folder of the masks until all are written: a mistake in the file replaces no mask."""


@writes_alone(lambda given: given['out'])
def write_coco_masks(ann_file: str | Path, out: str | Path, overwrite: bool = False) -> None:
    """Write the semantic mask of each image of a COCO file as ``OUT/NAME.png``.

    See :func:`mmwsl.annotations.coco_masks`.

    Args:
        ann_file: The file, such as ``instances_val2017.json``.
        out: The folder.
        overwrite: Whether the folder may hold other files.

    Raises:
        FileNotFoundError: If the file does not exist.
        OutputError: If the folder holds something else, or the images themselves.
        ValueError: If the file is no COCO file, or not every image has a mask of its own in the folder.
    """
    output = OutputFolder(out, 'mmwsl coco-masks', overwrite=overwrite)
    output.check([ann_file])
    file = load_coco(ann_file, '`ANN_FILE`')
    names = mask_names(file)
    images = [name for name in file.images.values() if Path(out, name).is_file()]
    if images and not output.made().issuperset(images):
        raise OutputError(
            f'--out must be apart from the images, got {str(out)!r} with {first_five(images)}. Pass another folder.'
        )
    palette = voc_colormap(len(file.categories) + 1)
    staged = Path(out, STAGED)
    shutil.rmtree(staged, ignore_errors=True)  # of an interrupted run
    try:
        for name, (_, mask) in zip(names, track_iter_progress((coco_masks(file), len(names))), strict=True):
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mask(path, mask, palette)
        output.begin(names)
        for name in names:
            Path(out, name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staged / name, Path(out, name))
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    print()


def mask_names(file: COCOFile) -> list[str]:
    """Return the mask of each image, a path relative to the folder of masks.

    Raises:
        ValueError: If there are no images, a path leaves the folder, or two images would have one mask.
    """
    if not file.images:
        raise ValueError(f'{file.path}: `images` must list the images, got none.')
    owners: dict[PurePosixPath, str] = {}
    for name in file.images.values():
        if not is_inside(name):
            raise ValueError(
                f'{file.path}: `file_name` must be a path below the folder of images, got {shorten(name)}.'
            )
        path = PurePosixPath(name.replace('\\', '/')).with_suffix('.png')
        if path in owners:
            raise ValueError(
                f'{file.path}: `file_name` must give each image a mask of its own, got {shorten(owners[path])} and '
                f'{shorten(name)} for {shorten(str(path))}. Rename one image.'
            )
        owners[path] = name
    if folders := [path for path in owners if any(parent in owners for parent in path.parents)]:
        raise ValueError(
            f'{file.path}: `file_name` must not have the mask of another image as its folder, got '
            f'{shorten(owners[folders[0]])}. Rename one image.'
        )
    return [str(path) for path in owners]


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/coco_masks.py``."""
    parser = Parser(description='Write the semantic masks of a COCO file of instances')
    parser.add_argument('ann_file', metavar='ANN_FILE', help='file of instances, such as instances_val2017.json')
    parser.add_argument('--out', metavar='DIR', required=True, help='folder for the masks, such as masks/val2017')
    add_overwrite(parser, 'replace masks of an earlier run in --out')
    args = parser.parse_args(argv)
    write_coco_masks(args.ann_file, args.out, args.overwrite)
    say_results({'Masks': args.out}, 'mmwsl', 'train', 'CONFIG')
