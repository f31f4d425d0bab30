"""Regret of the rules that choose background thresholds without masks: mIoU at their threshold against the best one.

The scores of every run are generated as for pseudo-labels, with the image-level labels, and kept for the next call. The
masks measure; no rule sees them. The oracle is the best common threshold (scope global) or thresholds (scope class) on
the same images, over all thresholds that 8-bit scores distinguish.

    python benchmarks/thresholds.py --runs CONFIG WORK_DIR [WORK_DIR ...] [--runs ...] --out FOLDER
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmwsl.annotations.score_file import read_codes
from mmwsl.apis import latest_checkpoint
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.items import ImageItem, list_items
from mmwsl.apis.pseudo_labels.settings import ground_truth_dataset, image_dataset
from mmwsl.apis.threshold_choice.choose import SCOPES, choose_from_statistics
from mmwsl.apis.threshold_choice.rules import RULES
from mmwsl.apis.threshold_choice.statistics import GRID, collect_statistics
from mmwsl.datasets.transforms import LoadImageAsBGR
from mmwsl.evaluation.metrics.class_threshold_search import search_class_thresholds
from mmwsl.functional import (
    CRF_PRESETS,
    DEQUANTIZED,
    class_thresholds,
    dense_crf,
    logit_softmax,
    quantize_threshold,
)
from mmwsl.registry import DATASETS

FORMS = dict(
    prob=dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')]),
    cam=dict(class_maps=dict(type='mmwsl.ClassActivationMaps')),
    minmax=dict(class_maps=dict(type='mmwsl.ClassActivationMaps', normalization='min_max')),
)
PLATEAU = 1.5
"""The plateau is the range of common thresholds within this many points of the oracle."""


def generate(config: str, work_dir: Path, form: str, flip: bool, split: str, ann_file: str, out: Path) -> Path:
    """Generate the scores of a run, unless they exist, and return their folder."""
    folder = out / f'{work_dir.name}_{Path(ann_file).stem}_{form}{"_flip" * flip}'
    if not (folder / 'quality.json').is_file():
        cfg = Config.fromfile(config)
        cfg.work_dir = str(out / 'log')
        cfg.model.inference = FORMS[form]
        if flip:
            pipeline = cfg.test_dataloader.dataset.pipeline
            resize = next(index for index, transform in enumerate(pipeline) if transform.type == 'Resize')
            pipeline.insert(resize + 1, dict(type='RandomFlip', prob=1.0, direction='horizontal'))
        checkpoint = latest_checkpoint(work_dir)
        generate_pseudo_labels(
            cfg, str(checkpoint), folder, split=split, ann_file=ann_file, use_image_labels=True, fg_threshold=0.5
        )
    return folder


def images(config: str, folder: Path, split: str, ann_file: str) -> tuple[list[ImageItem], list[np.ndarray], list[str]]:
    """Return the images of a list, their ground-truth masks and the classes."""
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    dataset = image_dataset(cfg, folder, split, ann_file)
    test_set = cfg.test_dataloader.dataset
    masks = DATASETS.build(ground_truth_dataset(dataset, test_set, test_set.data_prefix.seg_map_path))
    built = DATASETS.build(dataset)
    items = list_items(built, folder)
    return items, [masks[item.index]['gt_seg_map'].astype(np.int64) for item in items], built.metainfo['classes']


def count(items: Sequence[ImageItem], masks: Sequence[np.ndarray], num_classes: int) -> np.ndarray:
    """Count the pixels by highest-scoring foreground class, by code and by ground truth, ``(K - 1, 256, K)``."""
    shape = (num_classes - 1, 256, num_classes)
    total = np.zeros(shape, np.int64)
    for item, mask in zip(items, masks, strict=True):
        scores = read_codes(item.scores)[1:]
        index = (scores.argmax(0) * 256 + scores.max(0)) * num_classes + mask
        total += np.bincount(index[mask < num_classes], minlength=total.size).reshape(shape)
    return total


def mean_iou(counts: np.ndarray, thresholds: Sequence[float]) -> float:
    """Return the mean IoU at one threshold per class."""
    classes = counts.shape[2]
    confusion = np.zeros((classes, classes))
    for k, threshold in enumerate(thresholds):
        confusion[k + 1] = counts[k, quantize_threshold(threshold) :].sum(0)
    pixels = counts.sum((0, 1))
    confusion[0] = pixels - confusion[1:].sum(0)
    hits = confusion.diagonal()
    return 100 * float(np.nanmean(hits / (confusion.sum(1) + pixels - hits)))


def oracles(counts: np.ndarray) -> dict[str, tuple[list[float], float]]:
    """Return thresholds and mean IoU of the oracle of each scope, and the plateau as its third entry."""
    classes = counts.shape[2] - 1
    curve = np.array([mean_iou(counts, [t] * classes) for t in GRID])
    best = int(curve.argmax())
    near = GRID[curve >= curve[best] - PLATEAU]
    codes, _ = search_class_thresholds(counts)
    chosen = [float(GRID[code]) for code in codes]
    return dict(
        global_=([float(GRID[best])], float(curve[best])),
        class_=(chosen, mean_iou(counts, chosen)),
        plateau=([float(near[0]), float(near[-1])], 0.0),
    )


def mean_iou_with_crf(
    items: Sequence[ImageItem], masks: Sequence[np.ndarray], threshold: float, num_classes: int
) -> tuple[float, float]:
    """Return the mean IoU at one common threshold, and after the CRF of configs/priors."""
    confusion = np.zeros((2, num_classes, num_classes))
    for item, mask in zip(items, masks, strict=True):
        present = np.array([0, *(k for k in item.labels if k)])
        scores = torch.from_numpy(DEQUANTIZED[read_codes(item.scores)[present]]).float()
        scores = class_thresholds(scores, torch.full((len(present) - 1,), threshold))
        image = LoadImageAsBGR()(dict(img_path=item.img_path))['img'][..., ::-1].transpose(2, 0, 1)
        refined = dense_crf(logit_softmax(scores, 2.0), torch.from_numpy(image.copy()), CRF_PRESETS['ccnn'])
        used = mask < num_classes
        for table, result in zip(confusion, (scores, refined), strict=True):
            np.add.at(table, (mask[used], present[result.argmax(0).numpy()][used]), 1)
    hits = confusion.diagonal(0, 1, 2)
    plain, crf = 100 * np.nanmean(hits / (confusion.sum(1) + confusion.sum(2) - hits), axis=1)
    return float(plain), float(crf)


def measure(config: str, work_dir: Path, form: str, options: argparse.Namespace) -> Iterator[dict]:
    """Yield one row for each rule and scope."""
    folder = generate(config, work_dir, form, False, 'train', options.ann_file, options.out)
    views = generate(config, work_dir, form, True, 'train', options.ann_file, options.out) if options.views else None
    items, masks, classes = images(config, folder, 'train', options.ann_file)
    statistics = collect_statistics(folder, items, len(classes), regions=True, views=views)
    lists = {options.ann_file: count(items, masks, len(classes))}
    if options.apply:
        other = generate(config, work_dir, form, False, 'val', options.apply, options.out)
        lists[options.apply] = count(*images(config, other, 'val', options.apply)[:2], len(classes))
    best = {name: oracles(counts) for name, counts in lists.items()}
    if options.crf:
        regions = choose_from_statistics(statistics, classes, resamples=1).thresholds[0]
        for name, threshold in dict(regions=regions, oracle=best[options.ann_file]['global_'][0][0]).items():
            plain, crf = mean_iou_with_crf(items[:: options.crf], masks[:: options.crf], threshold, len(classes))
            print(f'\n{form} {work_dir.name} {name} {threshold:.4g}: mIoU {plain:.2f}, with CRF {crf:.2f}', flush=True)
    for name, rule in RULES.items():
        if rule.views and views is None:
            continue
        for scope in SCOPES:
            choice = choose_from_statistics(statistics, classes, name, scope, options.shrinkage, options.resamples)
            for ann_file, counts in lists.items():
                reached = mean_iou(counts, choice.thresholds)
                thresholds, bound = best[ann_file][f'{scope}_']
                yield dict(
                    rule=name,
                    scope=scope,
                    config=Path(config).stem,
                    run=work_dir.name,
                    form=form,
                    list=ann_file,
                    thresholds=choice.thresholds,
                    spread=choice.spread,
                    mIoU=reached,
                    oracle=thresholds,
                    oracle_mIoU=bound,
                    regret=bound - reached,
                    plateau=best[ann_file]['plateau'][0],
                )


def report(rows: Sequence[dict]) -> str:
    """Format one line for each rule, scope, form and config; values are means over the runs."""
    lines = [
        '| list | form | rule | scope | config | t | mIoU | oracle t | oracle mIoU | regret | min to max | plateau |'
    ]
    lines += ['|' + '---|' * 12]
    keys = ('list', 'form', 'rule', 'scope', 'config')
    for key in dict.fromkeys(tuple(row[name] for name in keys) for row in rows):
        group = [row for row in rows if tuple(row[name] for name in keys) == key]
        regrets = [row['regret'] for row in group]
        single = key[3] == 'global'
        chosen = ', '.join(f'{row["thresholds"][0]:.4g}' for row in group) if single else ''
        oracle = ', '.join(f'{row["oracle"][0]:.4g}' for row in group) if single else ''
        plateau = ', '.join('{:.4g}-{:.4g}'.format(*row['plateau']) for row in group) if single else ''
        miou, bound = (np.mean([row[name] for row in group]) for name in ('mIoU', 'oracle_mIoU'))
        cells = [*key, chosen, f'{miou:.2f}', oracle, f'{bound:.2f}', f'{np.mean(regrets):.2f}']
        cells += [f'{min(regrets):.2f} to {max(regrets):.2f}', plateau]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def main() -> None:
    """Measure the runs, print the table and write the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--runs', nargs='+', action='append', required=True, metavar='PATH', help='a config, then work folders of it'
    )
    parser.add_argument('--out', type=Path, required=True, help='folder for scores, which are reused, and rows.json')
    parser.add_argument('--ann-file', default='ImageSets/Segmentation/train.txt', help='images to choose on')
    parser.add_argument('--apply', metavar='LIST', help='list of the val set to apply the thresholds to as well')
    parser.add_argument('--forms', nargs='+', choices=FORMS, default=['prob', 'cam'], help='forms of the scores')
    parser.add_argument('--views', action='store_true', help='measure rules that need a flipped view')
    parser.add_argument('--crf', type=int, default=0, metavar='N', help='measure a CRF on every Nth image as well')
    parser.add_argument('--shrinkage', type=float, default=30.0)
    parser.add_argument('--resamples', type=int, default=200)
    options = parser.parse_args()
    rows = []
    for form in options.forms:
        for config, *work_dirs in options.runs:
            for work_dir in work_dirs:
                rows += measure(config, Path(work_dir), form, options)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / 'rows.json').write_text(json.dumps(rows, indent=1))
    print(report(rows))


if __name__ == '__main__':
    main()
