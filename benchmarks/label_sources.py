r"""Ablation of pseudo-labels of voc6: each source of labels alone and combined, followed to DeepLab v3+ on val.

    python benchmarks/label_sources.py --out work_dirs/label_sources                        # all rows, two seeds
    python benchmarks/label_sources.py --out work_dirs/label_sources gap gap_irn --seeds 0
    python benchmarks/label_sources.py --out work_dirs/label_sources lse --backbone efficientnet-lite0

Classifiers are trained on the 3131 images of voc6, with seed 0. The 437 images of voc6 train are labeled; affinity
networks are trained on their labels of round 1, DeepLab v3+ with a balanced loss on each kind of labels, as in
``robust_training.py``. The last row is trained on masks. Constants are those of the configs, whose pages count the
masks that chose them, except for ``background``. With ``--backbone`` all networks are on that of a file in
``configs/_base_/backbones``; the constants remain those of MobileNetV2. Repeat the command to resume it: a finished
step is not repeated. After a change of a row, remove its folder.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config
from robust_training import cpu_seconds, measure

from mmwsl.apis.checkpoint import latest_checkpoint
from mmwsl.apis.config import config_folder, find_config, load_config
from mmwsl.apis.cpu import prepare_cpu
from mmwsl.apis.pseudo_labels import generate_pseudo_labels
from mmwsl.apis.registered import is_subclass
from mmwsl.apis.training import train
from mmwsl.inference import LearnedAffinityWalk
from mmwsl.registry import POSTPROCESSORS
from mmwsl.utils.files import atomic_write, write_json

TRAIN = 'ImageSets/Segmentation/train.txt'
NETWORK, FULL = 'psl_deeplabv3plus_voc6_balanced', 'fsl_deeplabv3plus_voc6'
LABELS = 'MMWSL_PSEUDO_LABELS'
BACKBONES = config_folder() / '_base_' / 'backbones'
CERTAIN = dict(bg_threshold=0.3, fg_threshold=0.7)


@dataclass(frozen=True)
class Source:
    """How a row is labeled.

    Attributes:
        text: What the table says.
        network: Config of the network that scores the images; its weights are those of ``after`` if that is given.
        steps: Config of the steps from the scores to the masks.
        affinity: Config of the affinity network of its random walk. None walks not.
        background: Settings of the background score that differ from those of the steps.
        options: Options of the label generation.
        after: Row whose DeepLab v3+ of seed 0 labels.
    """

    text: str
    network: str
    steps: str
    affinity: str | None = None
    background: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    after: str | None = None


MAPS, PSA, IRN = ('wsl_gap_voc6_psa', 'psl_psa_voc6', 'psl_irn_voc6')
SOURCES = {
    # A background depends on the maps: here the best of 9 exponents, or 8 constants, on masks of every fourth image.
    'gap': Source('class activation maps', 'wsl_gap_voc6', MAPS, background=dict(alpha=8.0)),
    'seam': Source('maps of SEAM', 'wsl_seam_voc6', MAPS, background=dict(alpha=3.0)),
    'recam': Source('maps of ReCAM', 'wsl_recam_voc6', MAPS, background=dict(alpha=1.5)),
    'gap_psa': Source('class activation maps, walk of PSA', 'wsl_gap_voc6', 'wsl_gap_voc6_psa', PSA),
    'gap_irn': Source('class activation maps, walk of IRN', 'wsl_gap_voc6', 'wsl_gap_voc6_irn', IRN),
    'seam_irn': Source('maps of SEAM, walk of IRN', 'wsl_seam_voc6', 'wsl_gap_voc6_irn', IRN, dict(threshold=0.7)),
    'recam_irn': Source('maps of ReCAM, walk of IRN', 'wsl_recam_voc6', 'wsl_gap_voc6_irn', IRN, dict(threshold=0.7)),
    'lse': Source('round 1: LSE, objectness, CRF', 'wsl_lse_voc6', 'wsl_lse_voc6_pseudo'),
    'lse_regions': Source('round 1, vote of superpixels', 'wsl_lse_voc6', 'wsl_lse_voc6_pseudo_regions'),
    'lse_certain': Source('round 1, certain pixels', 'wsl_lse_voc6', 'wsl_lse_voc6_pseudo', options=CERTAIN),
    'lse_irn': Source('round 1, walk of IRN', 'wsl_lse_voc6', 'wsl_lse_voc6_pseudo_irn', IRN, options=CERTAIN),
    'round_2': Source(
        'round 2 after the walk of IRN',
        'psl_deeplabv3plus_voc6_pseudo',
        'psl_deeplabv3plus_voc6_pseudo',
        options=dict(tta=True, bg_threshold=0.25, fg_threshold=0.75),
        after='lse_irn',
    ),
}
FOR_AFFINITY = 'lse_certain'
"""Labels that the affinity networks are trained on."""


@dataclass(frozen=True)
class Place:
    """Folder of the results and the backbone of all networks, '' for MobileNetV2."""

    out: Path
    backbone: str = ''

    def config(self, name: str) -> str:
        """Return the name of a config of voc6, or the path of a copy on the other backbone, which is written."""
        if not self.backbone:
            return name
        part = 'segmentor' if 'deeplab' in name else 'affinity' if name == IRN else 'classifier'
        bases = [find_config(name).as_posix(), (BACKBONES / f'{self.backbone}.py').as_posix()]
        file = self.out / 'configs' / f'{name}.py'
        with atomic_write(file) as stream:
            stream.write(f'_base_ = {bases}\nmodel = _base_.{part}\n'.encode())
        return str(file)


def once(folder: Path, function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a step that is done once; its CPU time is that of the process that finished it."""
    file = folder / 'result.json'
    if not file.exists():
        start = cpu_seconds()
        result = function()
        write_json(file, result | dict(cpu_seconds=cpu_seconds() - start))
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def fit(name: str, place: Place, labels: Path | None = None) -> str:
    """Train a network, an affinity network on labels of the images of train, and return its checkpoint."""
    folder = place.out / 'networks' / name
    start = fit('wsl_gap_voc6', place) if name == 'wsl_recam_voc6' else None

    def function() -> dict[str, Any]:
        if labels is not None:
            os.environ[LABELS] = str(labels)
        cfg = load_config(place.config(name), work_dir=str(folder))
        cfg.load_from = start
        if labels is not None:
            cfg.train_dataloader.dataset.ann_file = TRAIN
        train(cfg, resume=True)
        return {}

    once(folder, function)
    checkpoint = latest_checkpoint(folder)
    assert checkpoint is not None
    return checkpoint


def networks(source: Source, place: Place) -> tuple[str, str | None]:
    """Return the checkpoints of the network that scores the images and of the affinity network, after training them."""
    affinity = None if source.affinity is None else fit(source.affinity, place, label(FOR_AFFINITY, place)[0])
    if source.after is None:
        return fit(source.network, place), affinity
    segment(source.after, place, 0)
    checkpoint = latest_checkpoint(place.out / source.after / 'seed_0')
    assert checkpoint is not None
    return checkpoint, affinity


def label_config(source: Source, folder: Path, place: Place, affinity: str | None = None) -> Config:
    """Return the config that labels: the network of one config with the steps of another."""
    if affinity is not None:
        os.environ['MMWSL_AFFINITY'] = affinity
    cfg = load_config(source.steps, work_dir=str(folder / 'log'))
    steps = cfg.model.inference
    cfg.model = load_config(place.config(source.network)).model
    cfg.model.inference = steps
    walks = [step for step in steps.postprocessors if is_subclass(step, POSTPROCESSORS, LearnedAffinityWalk)]
    if source.affinity is None:
        steps.postprocessors = [step for step in steps.postprocessors if step not in walks]
    elif place.backbone:
        for walk in walks:
            walk.config = place.config(source.affinity)
    for part in (steps.get('class_maps', {}), *steps.postprocessors):
        if source.background and 'background' in part:
            part.background.update(source.background)
    return cfg


def label(name: str, place: Place) -> tuple[Path, dict[str, Any]]:
    """Label the images of train, and return the folder and the quality of the labels."""
    source, folder = SOURCES[name], place.out / name / 'labels'
    finished = (place.out / name / 'result.json').exists()
    checkpoint, affinity = ('', None) if finished else networks(source, place)

    def function() -> dict[str, Any]:
        if source.after is not None:  # the manifest inherits the masks that chose the constants of these labels
            os.environ[LABELS] = str(place.out / source.after / 'labels')
        cfg = label_config(source, folder, place, affinity)
        report = generate_pseudo_labels(cfg, checkpoint, folder, ann_file=TRAIN, gt_masks='', **source.options)
        assert report is not None  # a single process
        return dict(mIoU=report['mIoU']['labels'], ignored=report['ignored'])

    return folder, once(place.out / name, function)


def segment(name: str, place: Place, seed: int, epochs: int = 10) -> dict[str, Any]:
    """Train DeepLab v3+ on the labels of a row, or on masks, and return its mIoU and CPU time."""
    if name == FULL:
        return measure(place.config(FULL), place.out / FULL / f'seed_{seed}', epochs, seed)
    folder, _ = label(name, place)
    os.environ[LABELS] = str(folder)
    return measure(place.config(NETWORK), place.out / name / f'seed_{seed}', epochs, seed)


def main() -> None:
    """Train the networks one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('rows', nargs='*', choices=[*SOURCES, []], metavar='ROW', help='default: all')
    parser.add_argument('--seeds', nargs='+', type=int, default=(0, 1), help='seeds of DeepLab v3+ (default 0 1)')
    parser.add_argument('--backbone', choices=sorted(file.stem for file in BACKBONES.glob('*.py')), default='')
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    args = parser.parse_args()
    possible = [name for name, source in SOURCES.items() if not args.backbone or source.affinity != PSA]
    if not {*args.rows} <= {*possible}:
        parser.error(
            f'`--backbone`: the channels of PSA are those of MobileNetV2. Possible rows: {" ".join(possible)}.'
        )
    prepare_cpu()
    place, found = Place(args.out.absolute() / (args.backbone or 'mobilenet-v2'), args.backbone), {}
    for seed in args.seeds:  # all rows of a seed first: an unfinished run still compares
        for name in (*(args.rows or possible), FULL):
            found.setdefault(name, []).append(segment(name, place, seed))
            print(f'{name}, seed {seed}: mIoU {found[name][-1]["mIoU"]:.1f}', flush=True)
    means = {name: statistics.mean(run['mIoU'] for run in runs) for name, runs in found.items()}
    print('| labels | mIoU of the labels | ignored | DeepLab v3+, mean | seeds | of full supervision |')
    print('|---|---|---|---|---|---|')
    for name, runs in found.items():
        values = ', '.join(f'{run["mIoU"]:.1f}' for run in runs)
        quality = dict(mIoU=100.0, ignored=0.0) if name == FULL else label(name, place)[1]
        text = 'masks' if name == FULL else SOURCES[name].text
        measured = f'{quality["mIoU"]:.1f} | {quality["ignored"]:.0f}%'
        print(f'| {text} | {measured} | {means[name]:.1f} | {values} | {100 * means[name] / means[FULL]:.0f}% |')
    seconds = sum(json.loads(path.read_text())['cpu_seconds'] for path in place.out.rglob('result.json'))
    print(f'{seconds / 3600:.1f} CPU hours')


if __name__ == '__main__':
    main()
