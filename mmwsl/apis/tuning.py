"""Search for the background thresholds of the classes on a set with masks."""

import copy
from contextlib import ExitStack
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.fileio import join_path
from mmengine.registry import init_default_scope

from mmwsl.apis.arguments import POSITIVE, add_check_data, add_overwrite, base_parser, parse, say_results
from mmwsl.apis.config import load_config
from mmwsl.apis.config_parts import check_parts
from mmwsl.apis.data_check import OVERLAP
from mmwsl.apis.launch import in_first_process, join_processes
from mmwsl.apis.registered import is_subclass, registered_class
from mmwsl.apis.testing import test
from mmwsl.apis.work_folder import check_folders
from mmwsl.inference import ClassThresholds
from mmwsl.models import WeakEncoderDecoder
from mmwsl.registry import DATASETS, MODELS, POSTPROCESSORS
from mmwsl.utils.files import files_of_config, load_json, write_json
from mmwsl.utils.folder_lock import file_lock
from mmwsl.utils.nested import dataset_paths, dicts_in
from mmwsl.utils.output_path import check_output_file


def tune_thresholds(cfg: Config, out_file: str, ann_file: str | None = None, max_images: int | None = None) -> None:
    """Turn the evaluation of a config into a search for one threshold per class.

    The post-processing pipeline is cut before its ``ClassThresholds``, whose thresholds are searched. A pipeline
    without it is used whole.

    Args:
        cfg: The config, changed in place.
        out_file: JSON file for the thresholds.
        ann_file: List of the images to search on, such as ``'ImageSets/Segmentation/train.txt'``. None is the list of
            the test set.
        max_images: Maximum number of images, the first ones of the list.

    Raises:
        TypeError: If the model has no inference pipeline.
        ValueError: If ``ClassThresholds`` is nested inside another post-processor, or ``max_images`` is less than 1.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if not is_subclass(cfg.model, MODELS, WeakEncoderDecoder):
        raise TypeError(
            "`model.type` must be 'mmwsl.WeakEncoderDecoder' to search thresholds on its scores, got "
            f'{cfg.model.type!r}. Change it in the config.'
        )
    if max_images is not None and max_images < 1:
        raise ValueError(f'--max-images must be at least 1, got {max_images}.')
    if postprocessors := (cfg.model.get('inference') or {}).get('postprocessors'):
        cfg.model.inference.postprocessors = cut_before_thresholds(postprocessors)
    dataset = cfg.test_dataloader.dataset
    if ann_file:
        dataset.ann_file = ann_file
    if max_images:
        dataset.indices = max_images
    name = getattr(registered_class(dataset, DATASETS), '__name__', dataset.type)
    masks = f'{dataset.get("ann_file") or "all images"} of {name}'
    if max_images:
        masks += f', the first {max_images}'
    cfg.test_evaluator = [dict(type='mmwsl.ClassThresholdSearch', out_file=out_file, tuned_on=f'masks: {masks}')]


def cut_before_thresholds(postprocessors: list[dict]) -> list[dict]:
    """Return the post-processors before the first ``ClassThresholds``, all if there is none."""
    for index, outer in enumerate(postprocessors):
        if is_subclass(outer, POSTPROCESSORS, ClassThresholds):
            return postprocessors[:index]
    for outer in postprocessors:
        if any(is_subclass(part, POSTPROCESSORS, ClassThresholds) for part in dicts_in(outer)):
            raise ValueError(
                f'`model.inference.postprocessors` nests ClassThresholds inside {outer["type"]!r}, so its input scores '
                f'are not available. Search with a config whose `postprocessors` end before {outer["type"]!r}.'
            )
    return postprocessors


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/tune_thresholds.py``."""
    parser = base_parser('Search the thresholds of mmwsl.ClassThresholds on images with masks')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--ann-file', metavar='LIST', help="images to search on; the config's test set by default")
    parser.add_argument('--max-images', type=POSITIVE, metavar='N', help='use the first N images only')
    parser.add_argument('--out', metavar='FILE', help='JSON file for the result; WORK_DIR/thresholds.json by default')
    add_overwrite(parser, 'replace the file of --out')
    add_check_data(parser)
    args = parse(parser, argv)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'tune')
    out_file = args.out or str(Path(cfg.work_dir, 'thresholds.json'))
    check_parts(cfg, 'model', 'test_dataloader')
    check_folders(cfg)
    inputs = [args.checkpoint, *files_of_config(cfg.text), *dataset_paths(cfg)]
    if args.ann_file:
        inputs.append(join_path(cfg.test_dataloader.dataset.get('data_root') or '', args.ann_file))
    with ExitStack() as stack:
        if args.launcher != 'none':
            join_processes(copy.deepcopy(cfg), args.launcher)
        in_first_process(lambda: stack.enter_context(file_lock(out_file, make_folder=not args.out)))
        check_output_file(out_file, '--out', args.overwrite, inputs, make_folder=not args.out)
        tune_thresholds(cfg, out_file, args.ann_file, args.max_images)
        metrics = test(cfg, args.checkpoint, args.launcher, args.trust_checkpoint, check_data=args.check_data == 'on')
        if OVERLAP in metrics and is_main_process():
            write_json(out_file, load_json(out_file, 'file of thresholds') | {OVERLAP: metrics[OVERLAP]})
    say_results(
        {'Thresholds': out_file, 'Log': cfg.work_dir}, 'mmwsl', 'test', 'CONFIG_WITH_THESE_THRESHOLDS', args.checkpoint
    )
