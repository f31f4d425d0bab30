"""F-measure of saliency maps against the masks of voc6, to tell a bad map from a bad training.

No configuration is chosen by it. Measured are the images with one class: those that stage 1 of STC trains on.

    python benchmarks/saliency_maps.py [--list train] [--scores DIR ...]

``--scores`` adds folders of scores of ``tools/generate_pseudo_labels.py``, such as those of guided back-propagation.
Recall and precision are averaged over images, F uses beta^2 = 0.3 (Achanta et al., CVPR 2009). "adaptive" is their
threshold, twice the mean of the map; "best" the best fixed threshold, which is an oracle.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from mmengine.registry import init_default_scope

import mmwsl
from mmwsl.registry import DATASETS, TRANSFORMS

BETA2 = 0.3
THRESHOLDS = np.arange(1, 255) / 255


def precision_recall(saliency: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return precision and recall at each fixed threshold, then at the adaptive one, ``(T + 1, 2)``; 255 is ignored."""
    known = mask != 255
    values, foreground = saliency[known], mask[known] > 0
    thresholds = np.append(THRESHOLDS, min(2 * saliency.mean(), saliency.max()))
    selected = values >= thresholds[:, None]
    hits = (selected & foreground).sum(1)
    return np.stack([hits / selected.sum(1).clip(1), hits / foreground.sum().clip(1)], 1)


def f_measure(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """Return the weighted harmonic mean of precision and recall, 0 where both are."""
    return (1 + BETA2) * precision * recall / (BETA2 * precision + recall).clip(1e-9)


def main() -> None:
    """Print one row per method."""
    parser = argparse.ArgumentParser(description='F-measure of saliency maps')
    parser.add_argument('--list', default='train', help='name of a list of images (default %(default)s)')
    parser.add_argument('--scores', nargs='*', default=[], help='folders of scores')
    args = parser.parse_args()
    init_default_scope('mmseg')
    cfg = mmwsl.get_config('wsl_stc_voc6_initial')
    load = [dict(type='mmwsl.LoadImageAsBGR'), dict(type='LoadAnnotations')]
    dataset = DATASETS.build(
        dict(
            cfg.train_dataloader.dataset,
            ann_file=f'ImageSets/Segmentation/{args.list}.txt',
            data_prefix=cfg.val_dataloader.dataset.data_prefix,
            test_mode=True,
            pipeline=load,
        )
    )
    maps = {name: dict(type='mmwsl.ComputeSaliency', method=name) for name in ('frequency_tuned', 'geodesic')}
    for folder in args.scores:
        maps[folder] = dict(
            type='mmwsl.LoadObjectness', folder=str(Path(folder, 'scores')), suffix='.npz', key='saliency'
        )
    print(f'{len(dataset)} images of {args.list} with one class\nmap | F adaptive | F best | at | ms')
    for name, transform in maps.items():
        built = TRANSFORMS.build(transform)
        rows, seconds = [], 0.0
        for results in dataset:
            start = time.process_time()
            saliency = built(results)['saliency']
            seconds += time.process_time() - start
            if (results['gt_seg_map'] != 255).any():
                rows.append(precision_recall(saliency, results['gt_seg_map']))
        scores = f_measure(*np.mean(rows, 0).T)
        best = scores[:-1].argmax()
        print(
            f'{name} | {100 * scores[-1]:.1f} | {100 * scores[best]:.1f} | {THRESHOLDS[best]:.2f} | '
            f'{1000 * seconds / len(dataset):.0f}'
        )


if __name__ == '__main__':
    main()
