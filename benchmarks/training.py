"""Cost of aggregation in a training step, compared with a plain FCN head on the same backbone and convolutions.

The network is that of `wsl_lse_DATA.py` with random weights and every layer trained; the aggregators are those
of `wsl_METHOD_DATA.py`. It is trained on synthetic images, so that no files are needed. There are two more
rows:

- fcn: MMSegmentation's pixel loss with masks, on scores interpolated to the image size, and its accuracy;
- none: the sum of the score map as loss, the minimum of any training.

A step is forward, backward and optimizer on one batch. The rows take turns, and "/ fcn" and "/ none" are medians of the
ratios within a turn. "own" is the fraction of the step that aggregation and loss take, forward and backward, measured
alone: it does not depend on the noise of the other parts. The learning rate is 0, so that every step does the same
work, on scores with the spread of a trained network. Each row is then trained from the loader with the workers of the
config: "images/s", and "loader", the fraction of time for which a step waits for images. They are rendered before: the
loader joins and copies them, but reads and transforms none. On a CPU, one thread is used, times of steps are CPU times,
and memory is the growth of the resident memory by a step. On a GPU, memory is the peak that torch allocates.

    python benchmarks/training.py                                            # lse and gap
    python benchmarks/training.py lse gap gmp topk weldon wildcat gwrp noisyor gem spleap attention
    python benchmarks/training.py --data voc --size 448 --batch-size 16      # ResNet-50, on a GPU
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import torch
from harness import MIB, peak_memory, write
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import DATASETS
from sections.timing import seconds
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mmwsl.apis.registered import is_subclass
from mmwsl.models import CachedBackbone, LSEAggregationHead
from mmwsl.registry import MODELS
from mmwsl.utils.nested import dicts_in

CONFIGS = {path.stem: path for path in (Path(__file__).parent.parent / 'configs').rglob('*.py')}
CLASSES = 7  # of the synthetic shapes dataset
DIFFERENT = 4  # batches of different images
SPREAD = 4.0  # standard deviation of the scores of a trained network


@MODELS.register_module()
class PixelLossHead(LSEAggregationHead):
    """LSE head with the pixel loss of MMSegmentation's heads."""

    loss_by_feat = BaseDecodeHead.loss_by_feat


@MODELS.register_module()
class BareHead(LSEAggregationHead):
    """LSE head with the sum of the scores as loss."""

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Sum the scores."""
        return dict(loss=seg_logits.sum())


class Rendered(Dataset):
    """Samples of a dataset, made once, and repeated.

    Args:
        dataset: The dataset.
        count: Number of different samples.
    """

    def __init__(self, dataset: BaseDataset, count: int) -> None:
        self.length, self.samples = len(dataset), [dataset[index] for index in range(count)]

    def __len__(self) -> int:
        """Return the number of samples, repeated ones too."""
        return self.length

    def __getitem__(self, index: int) -> dict:
        """Return a sample; a training step may change what belongs to its batch."""
        return copy.deepcopy(self.samples[index % len(self.samples)])


REFERENCES = dict(
    fcn=dict(type='mmwsl.PixelLossHead', loss_decode=dict(_delete_=True, type='CrossEntropyLoss')),
    none=dict(type='mmwsl.BareHead'),
)


def base_config(data: str, size: int, batch_size: int) -> Config:
    """Return the config of LSE with random weights, every layer trained, and synthetic images of ``size`` pixels."""
    cfg = Config.fromfile(CONFIGS[f'wsl_lse_{data}'])
    if is_subclass(cfg.model.backbone, MODELS, CachedBackbone):
        cfg.model.backbone = cfg.model.backbone.backbone
    cfg.model.backbone.update(init_cfg=None)
    if 'frozen' in cfg.model.backbone:
        cfg.model.backbone.frozen = False
    cfg.model.data_preprocessor.size = (size, size)
    pipeline = [
        dict(type='mmwsl.RenderShapesImage'),
        dict(type='mmwsl.RenderShapesMask'),
        dict(type='mmwsl.PackImageLabelInputs'),
    ]
    cfg.train_dataloader.batch_size = batch_size
    cfg.train_dataloader.dataset = dict(type='mmwsl.ShapesDataset', size=size, pipeline=pipeline)
    cfg.optim_wrapper.optimizer.lr = 0.0
    return cfg


def network(cfg: Config, method: str, data: str, device: torch.device) -> tuple[EncoderDecoder, OptimWrapper]:
    """Build the network of a row, with the same weights in all rows, and its optimizer."""
    model = Config(dict(model=cfg.model.to_dict()))
    if method in REFERENCES:
        model.merge_from_dict(dict(model=dict(decode_head=REFERENCES[method])))
    else:
        head = Config.fromfile(CONFIGS[f'wsl_{method}_{data}']).model.decode_head
        model.model.decode_head.aggregator = head.aggregator
        model.model.decode_head.maps_per_class = head.get('maps_per_class', 1)
    for part in dicts_in(model.model.decode_head):
        if part.get('num_classes'):
            part.num_classes = CLASSES
    torch.manual_seed(0)
    model = MODELS.build(model.model).to(device).train()
    model.init_weights()
    return model, build_optim_wrapper(model, cfg.optim_wrapper)


def spread_scores(model: EncoderDecoder, batch: dict) -> tuple[Tensor, list]:
    """Scale the last convolution to the spread of a trained network; return scores and samples."""
    batch = model.data_preprocessor(batch, training=True)
    with torch.no_grad():
        features = model.extract_feat(batch['inputs'])
        model.decode_head.conv_seg.weight.mul_(SPREAD / model.decode_head(features).std())
        return model.decode_head(features), batch['data_samples']


def step_of(model: EncoderDecoder, optimizer: OptimWrapper, batch: dict) -> Callable[[], object]:
    """Return the call of a training step on a batch."""
    return lambda: model.train_step(batch, optimizer)


def own_of(model: EncoderDecoder, scores: Tensor, samples: list) -> Callable[[], object]:
    """Return the call of aggregation and loss, forward and backward."""
    scores = scores.detach().requires_grad_()

    def call() -> None:
        losses = model.decode_head.loss_by_feat(scores, samples)
        torch.autograd.grad(model.parse_losses(losses)[0], scores)

    return call


def turns(calls: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Measure the calls in turn, after one warm-up round; each round starts with another call."""
    names = list(calls)
    times = {name: [] for name in names}
    for index in range(rounds + 1):
        for name in islice(cycle(names), index % len(names), index % len(names) + len(names)):
            times[name].append(seconds(calls[name], device))
    return {name: values[1:] for name, values in times.items()}


def gpu_memory(call: Callable[[], object]) -> float:
    """Measure the peak of the memory that torch allocates on the GPU during a call, in MiB."""
    torch.cuda.reset_peak_memory_stats()
    call()
    return torch.cuda.max_memory_allocated() / MIB


def from_loader(
    model: EncoderDecoder, optimizer: OptimWrapper, loader: DataLoader, steps: int, device: torch.device
) -> dict[str, float]:
    """Train from the loader; return images per second and the fraction of time spent waiting for them."""
    batches = (batch for _ in iter(int, 1) for batch in loader)
    next(batches)  # starts the workers
    if device.type == 'cuda':
        torch.cuda.synchronize()
    waited, start = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        model.train_step(batch, optimizer)['loss'].item()  # .item() waits for the end of the step
    total = time.perf_counter() - start
    return dict(images_per_second=steps * loader.batch_size / total, loader_fraction=waited / total)


def measure(args: argparse.Namespace) -> list[dict]:
    """Measure every row."""
    device = torch.device(args.device)
    cfg = base_config(args.data, args.size, args.batch_size)
    dataset = Rendered(DATASETS.build(cfg.train_dataloader.dataset), DIFFERENT * args.batch_size)
    loader = Runner.build_dataloader(dict(cfg.train_dataloader, dataset=dataset), seed=0)
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
                own_fraction=statistics.median(own[name]) / step,
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
            f'{row["own_fraction"]:8.2%}{row["images_per_second"]:12.1f}{row["peak_mib"]:8.0f}'
            f'{row["loader_fraction"]:8.1%}'
        )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'methods',
        nargs='*',
        default=['lse', 'gap'],
        metavar='METHOD',
        help='METHOD in the name of a config, wsl_METHOD_DATA.py; lse and gap by default',
    )
    parser.add_argument('--data', default='voc6', help='DATA in wsl_lse_DATA.py: voc6 (MobileNetV2) or voc (ResNet-50)')
    parser.add_argument('--size', type=int, default=224, help='side of the images in pixels')
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=15, help='timed turns of each row')
    parser.add_argument('--steps', type=int, default=10, help='steps from the loader')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', default='training.json', help='JSON file for the rows')
    args = parser.parse_args()
    for method in args.methods:
        if f'wsl_{method}_{args.data}' not in CONFIGS:
            parser.error(f'METHOD must have a config wsl_METHOD_{args.data}.py, got {method!r}.')
    torch.set_num_threads(1)
    init_default_scope('mmseg')
    MMLogger.get_instance('benchmark', log_level='ERROR')  # mmengine logs every weight
    rows = measure(args)
    show(rows)
    write(rows, args.out)
    print(f'\nwritten to {args.out}')


if __name__ == '__main__':
    main()
