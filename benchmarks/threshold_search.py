"""Gap of the search of thresholds per class to the exhaustive optimum, on random problems.

    python benchmarks/threshold_search.py --problems 5000
    python benchmarks/threshold_search.py --problems 200 --classes 4 --thresholds 8

By default a problem has 2 or 3 foreground classes and 14 thresholds. Prints how many of the searches end below the
optimum, and by how many points of mIoU at most.
"""

import argparse
import itertools

import numpy as np

from mmwsl.evaluation.metrics.class_threshold_search import search_class_thresholds


def random_counts(seed: int, foreground: int, thresholds: int) -> np.ndarray:
    """Return counts of pixels as the search takes them, ``(K - 1, T + 1, K)``."""
    random = np.random.default_rng(seed)
    spread = (0.05, 0.3, 1.0)[seed % 3]
    shares = random.dirichlet(np.full(thresholds + 1, spread), size=(foreground, foreground + 1)).transpose(0, 2, 1)
    sizes = 10 ** random.uniform(0, 4, (foreground, 1, foreground + 1))
    return np.round(sizes * shares).astype(int)


def exhaustive_optimum(counts: np.ndarray) -> float:
    """Return the highest mIoU of any thresholds."""
    foreground, steps, classes = counts.shape
    above = counts[:, ::-1].cumsum(1)[:, ::-1][:, 1:]  # pixels that a class keeps at each threshold
    pixels = counts.sum((0, 1))
    chosen = np.array(list(itertools.product(range(steps - 1), repeat=foreground)))
    kept = np.stack([above[k, chosen[:, k]] for k in range(foreground)], 1)
    confusion = np.concatenate([(pixels - kept.sum(1))[:, None], kept], 1)
    hits = confusion[:, np.arange(classes), np.arange(classes)]
    unions = confusion.sum(2) + pixels - hits
    with np.errstate(invalid='ignore', divide='ignore'):
        return float(np.nanmean(np.where(unions > 0, hits / unions, np.nan), 1).max())


def main() -> None:
    """Compare the search with the optimum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--problems', type=int, default=5000)
    parser.add_argument('--first', type=int, default=0, help='random seed of the first problem')
    parser.add_argument('--classes', type=int, nargs='+', default=[2, 3], help='foreground classes, in turn')
    parser.add_argument('--thresholds', type=int, default=14, help='of each class (default %(default)s)')
    args = parser.parse_args()
    gaps = []
    for seed in range(args.first, args.first + args.problems):
        counts = random_counts(seed, args.classes[seed % len(args.classes)], args.thresholds)
        if counts.sum():
            gaps.append(exhaustive_optimum(counts) - float(np.nanmean(search_class_thresholds(counts)[1])))
    below = [gap for gap in gaps if gap > 1e-9]
    print(f'{len(below)} of {len(gaps)} searches end below the optimum, by {100 * max(below, default=0):.2f} at most')


if __name__ == '__main__':
    main()
