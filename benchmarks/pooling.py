"""Time of the aggregators, one thread: forward, and forward and backward through the convolutions before them.

Prints medians and ratios to the mean. The row "logsumexp" is Log-Sum-Exp written with torch.logsumexp alone: cells far
below the peak get gradients that are denormal numbers, on which the convolutions are many times slower on a CPU.

    python benchmarks/pooling.py
"""

import math
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmwsl.functional import lse_pool, max_pool, mean_pool


def plain_lse(scores: Tensor, r: float) -> Tensor:
    """Log-Sum-Exp as in the formula."""
    return (torch.logsumexp(r * scores.flatten(2), 2) - math.log(scores[0, 0].numel())) / r


def seconds(call: Callable[[], object], repeats: int = 7) -> float:
    """Median CPU seconds of a call, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features = torch.randn(4, 320, 28, 28)
    head = nn.Sequential(nn.Conv2d(320, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 21, 1))
    with torch.no_grad():
        head[2].weight.mul_(40)  # scores as spread as a trained network's
        scores = head(features)
    pools = {
        'mean': mean_pool,
        'max': max_pool,
        'lse, r=5': lambda s: lse_pool(s, 5.),
        'logsumexp, r=5': lambda s: plain_lse(s, 5.),
    }

    def step(pool: Callable[[Tensor], Tensor]) -> None:
        nn.functional.softplus(pool(head(features))).mean().backward()

    forward = {name: seconds(lambda pool=pool: pool(scores)) for name, pool in pools.items()}
    backward = {name: seconds(lambda pool=pool: step(pool)) for name, pool in pools.items()}
    print(f'scores {tuple(scores.shape)}, standard deviation {scores.std():.1f}')
    print(f'{"":16}{"pool ms":>10}{"step ms":>10}{"step / mean":>13}')
    for name in pools:
        ratio = backward[name] / backward['mean']
        print(f'{name:16}{1e3 * forward[name]:10.2f}{1e3 * backward[name]:10.1f}{ratio:13.2f}')


if __name__ == '__main__':
    main()
