"""Region tree, tree with a class-independent network, and ground-truth masks: recall, ABO and the IoU of SP-seg.

Every row has the regions of the tree, ranked by its own scores or by a map of objectness, or the ground-truth masks.
An object is a connected component of a class in the masks, with at least 100 pixels. SP-seg multiplies the scores of a
weakly supervised network after the image-level prior by the objectness of the row. Each half of the images uses the
common threshold that is best on the other half. A network is evaluated on the classes that it was not trained on.

    python benchmarks/mask_proposals.py CONFIG CHECKPOINT --out FOLDER \
        --maps "tree + network" horse,person,sheep SCORES --maps "tree + network" cat,cow,dog SCORES

CONFIG is a config of weak supervision, whose scores are kept in FOLDER; SCORES is the folder ``scores`` of
``mmwsl predict --scores``.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from skimage.measure import label
from torch import Tensor

from mmwsl.annotations import read_mask
from mmwsl.annotations.score_file import read_codes
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.pseudo_labels.items import list_items
from mmwsl.apis.pseudo_labels.settings import image_dataset
from mmwsl.datasets.classes import VOC_CLASSES
from mmwsl.datasets.proposals import RegionTree
from mmwsl.datasets.proposals.scoring import contrast_to_ring
from mmwsl.datasets.transforms import LoadImageAsBGR, LoadObjectness
from mmwsl.evaluation import ThresholdIoUMetric
from mmwsl.functional import DEQUANTIZED, best_overlaps, mask_overlaps, min_max_normalize, proposal_recall
from mmwsl.registry import DATASETS

COUNTS, THRESHOLDS, MIN_PIXELS = (10, 100, 1000), (0.5, 0.7), 100
NONE, TREE, TRUTH = 'no proposals (ILP)', 'region tree', 'ground-truth masks'


def find_objects(mask: np.ndarray, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Number the objects of some classes in a VOC mask.

    Returns:
        ``(H, W)`` int, 0 elsewhere and -1 for ignored pixels; and the class of each object.
    """
    objects, names = np.where(mask == 255, -1, 0), []
    for name in classes:
        components = label(mask == VOC_CLASSES.index(name), connectivity=2)
        for number in np.flatnonzero(np.bincount(components.reshape(-1))[1:] >= MIN_PIXELS) + 1:
            names.append(name)
            objects[components == number] = len(names)
    return objects, np.array(names, dtype=object)


def measure_image(
    image: np.ndarray, mask: np.ndarray, maps: dict[tuple[str, str], np.ndarray], groups: Sequence[str]
) -> tuple[dict, dict]:
    """Return the best overlaps of the objects ``(C, G)`` and the objectness map of each row and group of classes."""
    tree = RegionTree()(image, {})
    regions, boxes = tree.masks, tree.boxes.astype(int)
    scores = {key: contrast_to_ring(map_, regions.superpixels, regions.members, boxes) for key, map_ in maps.items()}
    scores |= {(TREE, group): tree.scores for group in groups}
    best, objectness = {}, {}
    objects, names = find_objects(mask, ','.join(groups).split(','))
    overlaps = mask_overlaps(regions, objects)
    truth = mask_overlaps([objects == number for number in range(1, len(names) + 1)], objects)
    for group in groups:
        own = np.isin(names, group.split(','))
        best[TRUTH, group] = best_overlaps(truth[:, own], np.ones(len(truth)), COUNTS)
        objectness[TRUTH, group] = (objects > 0).astype(np.float32)
        objectness[NONE, group] = np.ones(mask.shape, np.float32)
        for row in (row for row, of in scores if of == group):
            best[row, group] = best_overlaps(overlaps[:, own], scores[row, group], COUNTS)
            objectness[row, group] = regions.objectness(min_max_normalize(scores[row, group]))
    return best, objectness


def two_fold_ious(counts: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Return the IoU of some classes where each half of the images has the threshold that is best on the other half.

    Args:
        counts: Intersection and union, ``(images, 2, T, K)``.
        classes: Their ids.
    """
    halves = [counts[start::2].sum(0)[..., classes] for start in (0, 1)]
    chosen = [int((half[0] / np.maximum(half[1], 1)).mean(1).argmax()) for half in halves]
    hits, union = halves[0][:, chosen[1]] + halves[1][:, chosen[0]]
    with np.errstate(invalid='ignore'):  # a class without a pixel
        return 100 * hits / union


def images(cfg: Config, folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray, Tensor, Tensor]]:
    """Yield path, image, VOC mask, mask with the classes of the config, and foreground scores."""
    init_default_scope(cfg.default_scope)
    truth = DATASETS.build(cfg.test_dataloader.dataset)
    load = LoadImageAsBGR()
    for item in list_items(DATASETS.build(image_dataset(cfg, folder, 'test')), folder):
        info = truth.get_data_info(item.index)
        mask = read_mask(info['seg_map_path'])
        ids = np.full(256, 255)
        for old, new in (info['label_map'] or {i: i for i in range(len(truth.metainfo['classes']))}).items():
            ids[old] = new
        scores = torch.from_numpy(DEQUANTIZED[read_codes(item.scores)[1:]]).float()
        yield item.img_path, load(dict(info))['img'], mask, torch.from_numpy(ids[mask]), scores


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config of weak supervision')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('--maps', nargs=3, action='append', required=True, metavar=('ROW', 'CLASSES', 'SCORES'))
    parser.add_argument('--max-images', type=int, help='the first images of the test list only')
    parser.add_argument('--out', type=Path, required=True, help='folder of the scores and of table.json')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cfg = Config.fromfile(arguments.config)
    cfg.work_dir = str(arguments.out / 'log')
    cfg.model.inference = dict(postprocessors=[dict(type='mmwsl.ImageLevelPrior')])
    if arguments.max_images:
        cfg.test_dataloader.dataset.indices = arguments.max_images
    folder = arguments.out / 'ilp'
    generate_pseudo_labels(
        cfg, arguments.checkpoint, folder, split='test', use_image_labels=False, scores_only=True, check_data=False
    )
    loaders = {(row, group): LoadObjectness(scores, '.npz') for row, group, scores in arguments.maps}
    groups = list(dict.fromkeys(group for _, group in loaders))
    metric, best, counts = ThresholdIoUMetric(), {}, {}
    for path, image, voc_mask, mask, scores in images(cfg, folder):
        data = dict(img=image, img_path=path)
        maps = {key: load(dict(data))['objectness'] for key, load in loaders.items()}
        overlaps, objectness = measure_image(image, voc_mask, maps, groups)
        for key, values in overlaps.items():
            best.setdefault(key, []).append(values)
        for key, values in objectness.items():
            count = metric.count(scores * torch.from_numpy(values), mask, metric.thresholds)
            counts.setdefault(key, []).append(count.numpy())
    write(best, counts, groups, list(DATASETS.build(cfg.test_dataloader.dataset).metainfo['classes']), arguments.out)


def write(best: dict, counts: dict, groups: Sequence[str], names: Sequence[str], out: Path) -> None:
    """Print the table, for each group of classes and for all of them, and write it as JSON."""
    rows = []
    for classes in [[group] for group in groups] + ([list(groups)] if len(groups) > 1 else []):
        for row in (NONE, TREE, *dict.fromkeys(row for row, _ in counts if row not in (NONE, TREE, TRUTH)), TRUTH):
            if any((row, group) not in counts for group in classes):
                continue
            ious = [
                two_fold_ious(np.stack(counts[row, group]), [names.index(name) for name in group.split(',')])
                for group in classes
            ]
            found = dict(classes=','.join(classes), row=row, iou=float(np.nanmean(np.concatenate(ious))))
            if row != NONE:
                overlaps = np.concatenate([one for group in classes for one in best[row, group]], axis=1)
                recall = proposal_recall(overlaps, THRESHOLDS)
                found |= dict(objects=overlaps.shape[1], recall=recall.tolist(), abo=overlaps.mean(1).tolist())
            rows.append(found)
    print(f'{"classes":34}{"row":24}objects  recall@.5 {COUNTS}  recall@.7 {COUNTS}  ABO {COUNTS}  SP-seg IoU')
    for found in rows:
        text = f'{found["classes"]:34}{found["row"]:24}{found.get("objects", ""):>7}'
        for values in (*np.transpose(found.get('recall', np.zeros((0, 2)))), found.get('abo', ())):
            text += '  ' + ' '.join(f'{value:.3f}' for value in values)
        print(f'{text}  {found["iou"]:.1f}')
    (out / 'table.json').write_text(json.dumps(rows, indent=1))


if __name__ == '__main__':
    main()
