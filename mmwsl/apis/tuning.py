"""Search of the background thresholds on a set with masks."""

from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmwsl.apis.arguments import base_parser, parse
from mmwsl.apis.config import load_config
from mmwsl.apis.testing import test
from mmwsl.models import WeakEncoderDecoder
from mmwsl.utils.nested import dicts_in


def tune_thresholds(cfg: Config, out_file: str, ann_file: str | None = None, indices: int | None = None) -> None:
    """Turn the evaluation of a config into a search for thresholds per class.

    The post-processing chain is cut before its ``ClassThresholds``, whose numbers are what is searched; steps behind
    it do not take part. A chain without the step is used whole.

    Args:
        cfg (Config): The config, changed in place.
        out_file (str): JSON file for the thresholds.
        ann_file (str, optional): List of the images to search on, such as ``'ImageSets/Segmentation/train.txt'``.
            Defaults to None: the list of the config's test set.
        indices (int, optional): How many of the images to use. Defaults to None: all.

    Raises:
        TypeError: If the model has no post-processing chain.
        ValueError: If ``ClassThresholds`` stands within another step.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if not issubclass(MODELS.get(cfg.model.type), WeakEncoderDecoder):
        raise TypeError(
            'thresholds are searched on the scores of a chain: the config needs a model of '
            f"type='mmwsl.WeakEncoderDecoder', but has {cfg.model.type!r}."
        )
    chain = cfg.model.get('postprocessors') or []
    types = [step.type.split('.')[-1] for step in chain]
    if 'ClassThresholds' in types:
        cfg.model.postprocessors = chain[: types.index('ClassThresholds')]
    elif any(str(step.get('type')).endswith('ClassThresholds') for step in dicts_in(chain)):
        raise ValueError(
            '`model.postprocessors` has its ClassThresholds within another step, where the chain cannot '
            'be cut: search with a chain that ends before that step.'
        )
    dataset = cfg.test_dataloader.dataset
    if ann_file:
        dataset.ann_file = ann_file
    if indices:
        dataset.indices = indices
    masks = f'{dataset.get("ann_file") or "all images"} of {dataset.type.split(".")[-1]}'
    if indices:
        masks += f', the first {indices}'
    cfg.test_evaluator = [dict(type='mmwsl.ClassThresholdSearch', out_file=out_file, tuned_on=f'masks: {masks}')]


def main(argv: list[str] | None = None) -> None:
    """Run ``tools/tune_thresholds.py``."""
    parser = base_parser('Search the thresholds per class of mmwsl.ClassThresholds on images with masks')
    parser.add_argument('checkpoint', help='checkpoint file or address')
    parser.add_argument('--ann-file', metavar='LIST', help="images to search on; the config's test set by default")
    parser.add_argument('--indices', type=int, metavar='N', help='use the first N images only')
    parser.add_argument('--out', metavar='FILE', help='JSON file for the result; WORK_DIR/thresholds.json by default')
    args = parse(parser, argv)
    cfg = load_config(args.config, args.cfg_options, args.work_dir, 'tune')
    out_file = args.out or str(Path(cfg.work_dir, 'thresholds.json'))
    tune_thresholds(cfg, out_file, args.ann_file, args.indices)
    test(cfg, args.checkpoint, args.launcher, args.trust_checkpoint)
