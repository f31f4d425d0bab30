"""Command ``tools/sam_masks.py``: masks of everything in images, by SAM."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import torch
from mmengine.utils import track_iter_progress

from mmwsl.annotations.image_list import read_names
from mmwsl.apis.arguments import FRACTION, POSITIVE, add_overwrite, device, say_results
from mmwsl.apis.folder_use import writes_alone
from mmwsl.apis.pseudo_labels.manifest import list_differences
from mmwsl.apis.training_free import digest_model_folders
from mmwsl.inference.automatic_masks import AutomaticMaskRule, automatic_masks
from mmwsl.models import SegmentAnything
from mmwsl.models.backbones.transformer_backbone import DTYPES
from mmwsl.utils.arrays import load_npz
from mmwsl.utils.files import atomic_write, digest_file, load_json, write_json
from mmwsl.utils.images import list_images, read_bgr, stem
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.parser import Parser
from mmwsl.utils.text import first_five

RECORD = 'sam_masks.json'
"""How the masks of a folder were made."""


@writes_alone(lambda given: given['out'])
def write_sam_masks(
    images: str | Path,
    model: str | Path,
    out: str | Path,
    *,
    names: str | Path | None = None,
    rule: AutomaticMaskRule | None = None,
    device: str | None = None,
    dtype: str = 'float32',
    overwrite: bool = False,
) -> int:
    """Write the masks of everything in the images of a folder, or resume an interrupted command.

    The masks of image ``NAME.jpg`` are ``OUT/NAME.npz``, which :class:`mmwsl.datasets.proposals.FolderProposals` reads.
    An image whose file changed since gets new masks.

    Args:
        images: Folder of images.
        model: Folder of a SAM, see :class:`mmwsl.models.SegmentAnything`.
        out: Output folder.
        names: List of some of the images; all of them if None.
        rule: Which masks are kept, see :class:`mmwsl.inference.AutomaticMaskRule`.
        device: Device of the network; a GPU by default if there is one.
        dtype: Precision of the image encoder, see :class:`mmwsl.models.SegmentAnything`.
        overwrite: Whether to replace masks of another model, precision or rule.

    Returns:
        Number of images that got masks now.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ImportError: If ``transformers`` is not installed.
        OutputError: If the folder holds files of others.
        ValueError: If the folder of the model has no SAM, two images have one name without suffix, or the masks of
            ``out`` were made otherwise.
    """
    rule = rule or AutomaticMaskRule()
    files = _find_images(Path(images), names)
    output, root = OutputFolder(out, 'mmwsl sam-masks', overwrite=overwrite), Path(out)
    output.check([path for path in (images, model, names) if path and Path(path).exists()], reuse=True, names=[RECORD])
    network = SegmentAnything(str(model), dtype)
    options = dict(model=_digests(str(model)), rule={key: asdict(rule)[key] for key in KEPT}, dtype=dtype)
    before = load_json(root / RECORD, '--out') if (root / RECORD).is_file() and not overwrite else None
    if before is not None and (differences := list_differences(before, options)):
        raise ValueError(
            f'--out {str(root)!r} has masks of another model or rule ({differences}). Pass another --out, or '
            '--overwrite to replace them.'
        )
    missing = {name: file for name, file in files.items() if overwrite or not _has_masks(root / f'{name}.npz', file)}
    print(f'{len(files) - len(missing)} of {len(files)} images have masks in {root}')
    output.begin([RECORD, *(f'{name}.npz' for name in files)], keep=not overwrite)
    write_json(root / RECORD, options)
    network.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    for name, file in track_iter_progress(list(missing.items())) if missing else ():
        masks, scores = automatic_masks(network, torch.from_numpy(read_bgr(file)).permute(2, 0, 1), rule)
        content: dict[str, Any] = dict(
            packed_masks=np.packbits(masks.numpy(), axis=-1), scores=scores.numpy(), image=np.asarray(digest_file(file))
        )
        with atomic_write(root / f'{name}.npz') as target:
            np.savez_compressed(target, **content)
    return len(missing)


KEPT = ('points_per_side', 'min_iou', 'min_stability', 'max_overlap')
"""What the masks depend on."""


def _digests(model: str) -> dict[str, str]:
    """Return the digests of the files of a model by their names: the folder may move."""
    return {Path(path).name: digest for path, digest in digest_model_folders(dict(folder=model)).items()}


def _find_images(folder: Path, names: str | Path | None) -> dict[str, Path]:
    """Return the image files by their names without folder and suffix, by which proposals are found."""
    if not folder.is_dir():
        raise FileNotFoundError(f'IMAGES must be a folder of images, got {str(folder)!r}.')
    listed = list_images(str(folder))
    if names is not None:
        files = {stem(name): name for name in listed} | {name: name for name in listed}
        wanted = read_names(str(names), argument='--list')
        if unknown := [name for name in wanted if name not in files]:
            raise FileNotFoundError(
                f'--list {str(names)!r} must name images of {str(folder)!r}, with or without suffix, got '
                f'{first_five(unknown)}. Correct the list or IMAGES.'
            )
        listed = [files[name] for name in wanted]
    if not listed:
        raise ValueError(f'IMAGES must be a folder of images, got {str(folder)!r} with none.')
    counts = Counter(Path(name).stem for name in listed)
    if doubles := [name for name, count in counts.items() if count > 1]:
        raise ValueError(
            'the names of images must be unique without folder and suffix, got several of '
            f'{first_five(doubles)}. Rename the images, or pass --list.'
        )
    return {Path(name).stem: folder / name for name in listed}


def _has_masks(path: Path, image: Path) -> bool:
    """Tell whether a file has the masks of an image as it is now."""
    if not is_zipfile(path):
        return False
    return str(load_npz(path, ['image'], 'file of masks').get('image')) == digest_file(image)


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/sam_masks.py``."""
    defaults = AutomaticMaskRule()
    parser = Parser(description='Write masks of everything in images by SAM, for RegionVote and objectness; resumes')
    parser.add_argument('images', metavar='IMAGES', help='folder of images')
    parser.add_argument(
        '--model', metavar='FOLDER', required=True, help='folder of SAM, such as a copy of facebook/sam-vit-base'
    )
    parser.add_argument('--out', metavar='DIR', required=True, help='output folder, with NAME.npz for NAME.jpg')
    parser.add_argument('--list', metavar='FILE', help='names of some of the images, one per line')
    parser.add_argument(
        '--points-per-side',
        type=POSITIVE,
        default=defaults.points_per_side,
        metavar='N',
        help='points a side of the grid (default %(default)s)',
    )
    parser.add_argument(
        '--min-iou',
        type=FRACTION,
        default=defaults.min_iou,
        metavar='P',
        help='smallest IoU that SAM predicts for a mask (default %(default)s)',
    )
    parser.add_argument(
        '--min-stability',
        type=FRACTION,
        default=defaults.min_stability,
        metavar='P',
        help='smallest IoU of the masks at two thresholds of the logits (default %(default)s)',
    )
    parser.add_argument('--device', type=device, metavar='D', help='cpu, cuda or cuda:1; cuda if there is one')
    parser.add_argument(
        '--dtype', choices=DTYPES, default=DTYPES[0], help='precision of the image encoder (default %(default)s)'
    )
    add_overwrite(parser, 'replace masks of another model or rule in --out')
    args = parser.parse_args(argv)
    rule = AutomaticMaskRule(args.points_per_side, args.min_iou, args.min_stability)
    write_sam_masks(
        args.images,
        args.model,
        args.out,
        names=args.list,
        rule=rule,
        device=args.device,
        dtype=args.dtype,
        overwrite=args.overwrite,
    )
    print()
    say_results({'Masks': args.out})
