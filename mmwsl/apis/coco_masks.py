"""Command ``tools/coco_masks.py``."""

from pathlib import Path

from mmengine.utils import track_iter_progress

from mmwsl.annotations import coco_masks, load_coco, write_mask
from mmwsl.apis.arguments import add_overwrite, say_results
from mmwsl.datasets.classes import voc_colormap
from mmwsl.utils.files import is_inside
from mmwsl.utils.folder_lock import folder_lock
from mmwsl.utils.output_folder import OutputError, OutputFolder
from mmwsl.utils.parser import Parser
from mmwsl.utils.text import first_five, shorten


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
        ValueError: If the file is no COCO file, or an image would be written outside the folder.
    """
    output = OutputFolder(out, 'mmwsl coco-masks', overwrite=overwrite)
    output.check([ann_file])
    file = load_coco(ann_file, '`ANN_FILE`')
    names = {name: str(Path(name.replace('\\', '/')).with_suffix('.png')) for name in file.images.values()}
    if wrong := [name for name, path in names.items() if not is_inside(path)]:
        raise ValueError(f'{ann_file}: `file_name` must be a path below the folder of images, got {shorten(wrong[0])}.')
    if images := [name for name in names if Path(out, name).is_file() and names[name] not in output.made()]:
        raise OutputError(
            f'--out must be apart from the images, got {str(out)!r} with {first_five(images)}. Pass another folder.'
        )
    output.begin(names.values())
    palette = voc_colormap(len(file.categories) + 1)
    for name, mask in track_iter_progress((coco_masks(file), len(names))):
        path = Path(out, names[name])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mask(path, mask, palette)
    print()


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/coco_masks.py``."""
    parser = Parser(description='Write the semantic masks of a COCO file of instances')
    parser.add_argument('ann_file', metavar='ANN_FILE', help='file of instances, such as instances_val2017.json')
    parser.add_argument('--out', metavar='DIR', required=True, help='folder for the masks, such as masks/val2017')
    add_overwrite(parser, 'replace masks of an earlier run in --out')
    args = parser.parse_args(argv)
    with folder_lock(args.out):
        write_coco_masks(args.ann_file, args.out, args.overwrite)
    say_results({'Masks': args.out}, 'mmwsl', 'train', 'CONFIG')
