"""What aggregation costs in a training step, against a plain FCN head on the same backbone and convolutions.

The network is that of `configs/wsl_lse_DATA.py`, every layer trained, from random weights; the aggregators are those
of `configs/wsl_METHOD_DATA.py`. Images are the embedded scenes, so no file is needed. Two more rows:

- fcn: MMSegmentation's pixel loss with masks, on scores brought to the images' size, and its accuracy;
- none: the sum of the score map as loss, the least that any training does.

A step is forward, backward and optimizer on one batch. The rows take turns, and "/ fcn" and "/ none" are medians of
the ratios within a turn. "own" is what follows the score map, aggregation and loss, forward and backward, measured
alone: its share of the step does not suffer from the noise of the rest. The learning rate is 0, so that every step is
the same work, on scores spread as a trained network's. Then each row trains from the loader, with the config's
workers: images a second, and the share of the time in which the step waits for images. On a CPU, one thread; times
of steps are CPU times, and memory is the growth of the resident memory by a step. On a GPU memory is all that torch
holds at the peak.

    python benchmarks/training.py                                            # lse and mean
    python benchmarks/training.py lse mean max topk weldon wildcat gwrp noisyor gem spleap attention
    python benchmarks/training.py --data voc --size 448 --batch-size 16      # ResNet-50, on a GPU
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import torch
from harness import MIB, peak_memory, write
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from torch import Tensor
from torch.utils.data import DataLoader

from mmwsl.models import LSEAggregationHead
from mmwsl.registry import MODELS
from mmwsl.utils.nested import dicts_in

CONFIGS = Path(__file__).parent.parent / 'configs'
CLASSES = 7  # of the embedded scenes
SPREAD = 4.0  # standard deviation of a trained network's scores


@MODELS.register_module()
class PixelLossHead(LSEAggregationHead):
    """The same convolutions under the loss of every head of MMSegmentation."""

    loss_by_feat = BaseDecodeHead.loss_by_feat


@MODELS.register_module()
class BareHead(LSEAggregationHead):
    """The same convolutions under next to no loss."""

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Sum the scores."""
        return dict(loss=seg_logits.sum())


REFERENCES = dict(
    fcn=dict(type='mmwsl.PixelLossHead', loss_decode=dict(_delete_=True, type='CrossEntropyLoss')),
    none=dict(type='mmwsl.BareHead'),
)


def base_config(data: str, size: int, batch_size: int) -> Config:
    """The config of LSE with every layer trained from random weights, and scenes of ``size`` pixels."""
    cfg = Config.fromfile(CONFIGS / f'wsl_lse_{data}.py')
    if cfg.model.backbone.type == 'mmwsl.CachedBackbone':
        cfg.model.backbone = cfg.model.backbone.backbone
    cfg.model.backbone.update(init_cfg=None)
    if 'frozen' in cfg.model.backbone:
        cfg.model.backbone.frozen = False
    cfg.model.data_preprocessor.size = (size, size)
    pipeline = [
        dict(type='mmwsl.RenderShapesImage'),
        dict(type='mmwsl.RenderShapesMask'),
        dict(type='mmwsl.PackImageLabelInputs', background='unknown'),
    ]
    cfg.train_dataloader.batch_size = batch_size
    cfg.train_dataloader.dataset = dict(type='mmwsl.ShapesDataset', size=size, pipeline=pipeline)
    cfg.optim_wrapper.optimizer.lr = 0.0
    return cfg


def network(cfg: Config, method: str, data: str, device: torch.device) -> tuple[EncoderDecoder, OptimWrapper]:
    """Build the network of a row, the same weights in all of them, and its optimizer."""
    model = Config(dict(model=cfg.model.to_dict()))
    if method in REFERENCES:
        model.merge_from_dict(dict(model=dict(decode_head=REFERENCES[method])))
    else:
        head = Config.fromfile(CONFIGS / f'wsl_{method}_{data}.py').model.decode_head
        model.model.decode_head.aggregator = head.aggregator
        model.model.decode_head.maps_per_class = head.get('maps_per_class', 1)
    for part in dicts_in(model.model.decode_head):
        part.update({key: CLASSES for key in ('num_classes', 'learned_classes') if part.get(key)})
    torch.manual_seed(0)
    model = MODELS.build(model.model).to(device).train()
    model.init_weights()
    return model, build_optim_wrapper(model, cfg.optim_wrapper)


def spread_scores(model: EncoderDecoder, batch: dict) -> tuple[Tensor, list]:
    """Scale the last convolution so that scores spread as a trained network's; return scores and samples."""
    batch = model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        features = model.extract_feat(batch['inputs'])
        model.decode_head.conv_seg.weight.mul_(SPREAD / model.decode_head(features).std())
        return model.decode_head(features), batch['data_samples']


def step_of(model: EncoderDecoder, optimizer: OptimWrapper, batch: dict) -> Callable[[], object]:
    """A training step on a batch."""
    return lambda: model.train_step(batch, optimizer)


def own_of(model: EncoderDecoder, scores: Tensor, samples: list) -> Callable[[], object]:
    """What follows the score map, forward and backward."""
    scores = scores.detach().requires_grad_()

    def call() -> None:
        losses = model.decode_head.loss_by_feat(scores, samples)
        torch.autograd.grad(model.parse_losses(losses)[0], scores)

    return call


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Time of a call: CPU time, or time until the GPU is done."""
    clock = time.process_time if device.type == 'cpu' else time.perf_counter
    wait = torch.cuda.synchronize if device.type == 'cuda' else lambda: None
    wait()
    start = clock()
    call()
    wait()
    return clock() - start


def turns(calls: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Times of the calls in turn, after one round to warm up; each round starts with another call."""
    names = list(calls)
    times = {name: [] for name in names}
    for index in range(rounds + 1):
        for name in islice(cycle(names), index % len(names), index % len(names) + len(names)):
            times[name].append(seconds(calls[name], device))
    return {name: values[1:] for name, values in times.items()}


def gpu_memory(call: Callable[[], object]) -> float:
    """All that torch holds on the GPU at the peak of a call, in MiB."""
    torch.cuda.reset_peak_memory_stats()
    call()
    return torch.cuda.max_memory_allocated() / MIB


def from_loader(
    model: EncoderDecoder, optimizer: OptimWrapper, loader: DataLoader, steps: int, device: torch.device
) -> dict[str, float]:
    """Train from the loader: images a second, and the share of the time that is spent waiting for them."""
    batches = (batch for _ in iter(int, 1) for batch in loader)
    next(batches)  # the workers start
    if device.type == 'cuda':
        torch.cuda.synchronize()
    waited, start = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        model.train_step(batch, optimizer)['loss'].item()  # the value is there when the step is done
    total = time.perf_counter() - start
    return dict(images_per_second=steps * loader.batch_size / total, loader_share=waited / total)


def measure(args: argparse.Namespace) -> list[dict]:
    """Measure every row."""
    device = torch.device(args.device)
    cfg = base_config(args.data, args.size, args.batch_size)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    batch = next(iter(loader))
    built = {name: network(cfg, name, args.data, device) for name in [*REFERENCES, *args.methods]}
    steps, owns = {}, {}
    for name, (model, optimizer) in built.items():
        owns[name] = own_of(model, *spread_scores(model, batch))
        steps[name] = step_of(model, optimizer, batch)
    memory = {name: (peak_memory if device.type == 'cpu' else gpu_memory)(step) for name, step in steps.items()}
    times, own = turns(steps, args.rounds, device), turns(owns, args.rounds, device)
    rows = []
    for name in built:
        ratios = {
            f'over_{reference}': statistics.median(a / b for a, b in zip(times[name], times[reference], strict=True))
            for reference in REFERENCES
        }
        step = statistics.median(times[name])
        rows.append(
            dict(
                name=name,
                device=str(device),
                step_ms=1e3 * step,
                **ratios,
                own_share=statistics.median(own[name]) / step,
                peak_mib=memory[name],
                **from_loader(*built[name], loader, args.steps, device),
            )
        )
    return rows


def show(rows: list[dict]) -> None:
    """Print the table."""
    print(f'{"":12}{"step ms":>9}{"/ fcn":>8}{"/ none":>8}{"own":>8}{"images/s":>12}{"MiB":>8}{"loader":>8}')
    for row in rows:
        print(
            f'{row["name"]:12}{row["step_ms"]:9.1f}{row["over_fcn"]:8.3f}{row["over_none"]:8.3f}'
            f'{row["own_share"]:8.2%}{row["images_per_second"]:12.1f}{row["peak_mib"]:8.0f}'
            f'{row["loader_share"]:8.1%}'
        )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'methods',
        nargs='*',
        default=['lse', 'mean'],
        metavar='METHOD',
        help='as in configs/wsl_METHOD_DATA.py; lse and mean by default',
    )
    parser.add_argument('--data', default='voc6', help='voc6 is MobileNetV2, voc ResNet-50, as in configs/wsl_lse_DATA')
    parser.add_argument('--size', type=int, default=224, help='side of the images in pixels')
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=15, help='timed turns of each row')
    parser.add_argument('--steps', type=int, default=10, help='steps from the loader')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', default='training.json', help='where the JSON goes')
    args = parser.parse_args()
    for method in args.methods:
        if not (CONFIGS / f'wsl_{method}_{args.data}.py').exists():
            parser.error(f'unknown method {method!r}: no configs/wsl_{method}_{args.data}.py')
    torch.set_num_threads(1)
    init_default_scope('mmseg')
    MMLogger.get_instance('benchmark', log_level='ERROR')  # mmengine would tell of every weight
    rows = measure(args)
    show(rows)
    write(rows, args.out)
    print(f'\nwritten to {args.out}')


if __name__ == '__main__':
    main()
