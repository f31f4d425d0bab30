"""Time of the aggregators on one thread: forward, and a training step with the convolutions before them.

Prints medians, and ratios to global average pooling (gap); in each round all aggregators take turns. The row
"logsumexp" is Log-Sum-Exp with torch.logsumexp alone: locations far below the maximum get gradients that are denormal
numbers, with which convolutions are many times slower on a CPU. In the row "wildcat, M=4" the last convolution has four
maps per class; "pool" does not include their average.

    python benchmarks/pooling.py
"""

import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmwsl.functional import (
    class_wise_pool,
    gem_pool,
    global_average_pool,
    global_max_pool,
    global_weighted_rank_pool,
    lse_pool,
    noisy_or_pool,
    softmax_pool,
    top_k_pool,
    weldon_pool,
    wildcat_pool,
)
from mmwsl.models import AttentionPooling

CLASSES = 21
ROUNDS = 9


def plain_lse(scores: Tensor, r: float) -> Tensor:
    """Aggregate by Log-Sum-Exp, as in the formula."""
    return (torch.logsumexp(r * scores.flatten(2), 2) - math.log(scores[0, 0].numel())) / r


def network(maps_per_class: int = 1) -> nn.Module:
    """Return two convolutions whose scores have the spread of a trained network."""
    head = nn.Sequential(nn.Conv2d(320, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, CLASSES * maps_per_class, 1))
    with torch.no_grad():
        head[2].weight.mul_(40 * maps_per_class**0.5)
    return head


def medians(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median CPU seconds of each call; the calls take turns, after one warm-up round."""
    times = {name: [] for name in calls}
    for _ in range(ROUNDS + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features = torch.randn(4, 320, 28, 28)
    heads = {1: network(), 4: network(4)}
    with torch.no_grad():
        scores = heads[1](features)
    attention = AttentionPooling(CLASSES)
    nn.init.normal_(attention.attend.weight)
    pools = {
        'gap': global_average_pool,
        'gmp': global_max_pool,
        'lse, r=5': lambda s: lse_pool(s, 5.0),
        'logsumexp, r=5': lambda s: plain_lse(s, 5.0),
        'top-k, 20%': lambda s: top_k_pool(s, 0.2),
        'weldon, 3+3': lambda s: weldon_pool(s, 3, 3),
        'wildcat, 80+80': lambda s: wildcat_pool(s, 80, 80, 0.7),
        'wildcat, M=4': lambda s: wildcat_pool(s, 80, 80, 0.7),
        'gwrp, d=0.996': lambda s: global_weighted_rank_pool(s, 0.996),
        'noisy-or': noisy_or_pool,
        'gem, p=3': lambda s: gem_pool(s, 3.0),
        'softmax, pi=1': lambda s: softmax_pool(s, 1.0),
        'attention': attention,
    }

    def step(pool: Callable[[Tensor], Tensor], maps_per_class: int) -> None:
        maps = class_wise_pool(heads[maps_per_class](features), maps_per_class)
        pool(maps).mean().backward()  # no loss: it could saturate with one aggregator only

    forward = medians({name: lambda pool=pool: pool(scores) for name, pool in pools.items()})
    backward = medians(
        {name: lambda pool=pool, m=4 if 'M=4' in name else 1: step(pool, m) for name, pool in pools.items()}
    )
    print(f'scores {tuple(scores.shape)}, standard deviation {scores.std():.1f}')
    print(f'{"":16}{"pool ms":>10}{"step ms":>10}{"step / gap":>13}')
    for name in pools:
        ratio = backward[name] / backward['gap']
        print(f'{name:16}{1e3 * forward[name]:10.2f}{1e3 * backward[name]:10.1f}{ratio:13.2f}')


if __name__ == '__main__':
    main()
