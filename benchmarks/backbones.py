"""Time per image of the light backbones at stride 16: one thread, 448 x 448 pixels, in turns, medians.

python benchmarks/backbones.py
"""

import statistics
import time

import torch

from mmwsl.models import DilatedEfficientNetLite, DilatedMobileNetV2

ROUNDS = 9


@torch.no_grad()
def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    networks = {
        'mobilenet_v2': DilatedMobileNetV2(out_indices=(6,), frozen=True),
        'efficientnet_lite0': DilatedEfficientNetLite('lite0', frozen=True),
        'efficientnet_lite2': DilatedEfficientNetLite('lite2', frozen=True),
    }
    image = torch.randn(1, 3, 448, 448)
    times: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(ROUNDS + 1):
        for name, network in networks.items():
            start = time.process_time()
            network(image)
            times[name].append(time.process_time() - start)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    print(f'{"":20}{"CPU ms":>8}{"ratio":>7}')
    for name, seconds in medians.items():
        print(f'{name:20}{1e3 * seconds:8.0f}{seconds / medians["mobilenet_v2"]:7.2f}')


if __name__ == '__main__':
    main()
