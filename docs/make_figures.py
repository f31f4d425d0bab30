"""Draw the figures of the documentation: ``python docs/make_figures.py FIGURE [CHECKPOINT]``.

``priors`` applies each prior to the same three images of voc6 val, and draws the masks without the images, which are
not ours to distribute. It needs ``MMWSL_DATA_ROOT``, ``MMWSL_WEIGHTS_ROOT`` and a checkpoint of ``wsl_lse_voc6.py``.
``aggregators`` trains the network of ``wsl_lse_shapes.py`` once per aggregator on the synthetic shapes dataset and
needs no file. Both write PNG files to ``docs/figures``. ``average_precision`` draws the variants of the average
precision of one ranking, for ``configs/classification``.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from PIL import Image, ImageDraw, ImageFont

from mmwsl.apis import latest_checkpoint, load_config, train
from mmwsl.apis.checkpoint import weights_only_loading
from mmwsl.apis.launch import build_runner
from mmwsl.functional import AP_VARIANTS, average_precision
from mmwsl.visualization import colorize_mask, draw_legend

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / 'docs' / 'figures'
MAX_BYTES = 400_000
# Images are chosen by their labels and not by the result: the first landscape image of voc6 val with these classes.
LABELS = ({'cat'}, {'sheep'}, {'horse', 'person'})
PRIORS = {
    'threshold': 'wsl_lse_voc6_thr',
    '+ ILP': 'wsl_lse_voc6_ilp',
    '+ ILP + sppxl': 'wsl_lse_voc6_sppxl',
    '+ ILP + bb': 'wsl_lse_voc6_bb',
    '+ ILP + seg': 'wsl_lse_voc6_seg',
    '+ ILP + CRF': 'wsl_lse_voc6_crf',
    '+ ILP + seg + CRF': 'wsl_lse_voc6_seg_crf',
}
AGGREGATORS = {
    'LSE, r = 0.5': dict(type='mmwsl.LSEPooling', r=0.5),
    'LSE, r = 5': dict(type='mmwsl.LSEPooling', r=5.0),
    'GAP': dict(type='mmwsl.GlobalAveragePooling'),
    'GMP': dict(type='mmwsl.GlobalMaxPooling'),
    'mean of the top 10%': dict(type='mmwsl.TopKPooling', k=0.1),
    'GeM': dict(type='mmwsl.GeMPooling'),
}
# Brighter than the palette of VOC, for small masks on black.
COLORS = [(0, 0, 0), (255, 80, 80), (60, 130, 255), (200, 90, 255), (255, 60, 170), (255, 190, 130), (255, 200, 0)]
Row = tuple[str, Sequence[np.ndarray]]


def config_file(name: str) -> Path:
    """Return the config of a name, wherever it stands in ``configs/``."""
    return next((ROOT / 'configs').rglob(f'{name}.py'))


def load_model(config: Path, checkpoint: str, work_dir: str, aggregator: dict | None = None) -> Runner:
    """Build the test runner of a config, perhaps with another aggregator, with the weights of a checkpoint."""
    cfg = load_config(config, None, work_dir)
    cfg.load_from = checkpoint
    if aggregator:
        cfg.model.decode_head.aggregator = aggregator
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    with weights_only_loading(cfg):
        runner = build_runner(cfg)
        runner.load_or_resume()
    runner.model.eval()
    return runner


@torch.no_grad()
def predict(runner: Runner, indices: Sequence[int]) -> list:
    """Return the predicted samples of some test images."""
    dataset = runner.test_dataloader.dataset
    return [runner.model.test_step(pseudo_collate([dataset[index]]))[0] for index in indices]


def input_images(runner: Runner, indices: Sequence[int]) -> list[np.ndarray]:
    """Return the images that the network receives, RGB."""
    dataset = runner.test_dataloader.dataset
    return [dataset[index]['inputs'].permute(1, 2, 0).numpy()[..., ::-1] for index in indices]


def draw_probabilities(sample) -> np.ndarray:
    """Draw the most probable foreground class of each pixel in its color; the darker, the less probable."""
    probs = sample.pred_scores.data
    best, label = probs[1:].max(0)
    colors = colorize_mask((label + 1).cpu().numpy(), COLORS)
    return (colors * best.cpu().numpy()[..., None].clip(0, 1)).astype(np.uint8)


def draw_masks(samples, field: str) -> list[np.ndarray]:
    """Draw the masks of samples in the colors of the classes."""
    return [colorize_mask(sample.get(field).data[0].cpu().numpy(), COLORS) for sample in samples]


def write_figure(path: Path, rows: Sequence[Row], width: int, classes: Sequence[str]) -> None:
    """Lay rows of images out under their titles, add a legend, and write a PNG file of at most ``MAX_BYTES``."""
    font, gap, header = ImageFont.load_default(17), 6, 26
    shapes = [image.shape[:2] for image in rows[0][1]]
    height = max(round(h * width / w) for h, w in shapes)
    sheet_width = gap + (width + gap) * len(shapes)
    legend = draw_legend(classes[1:], COLORS[1 : len(classes)], sheet_width, font.size)
    sheet = Image.new('RGB', (sheet_width, (header + height) * len(rows) + legend.height), 'white')
    sheet.paste(legend, (0, sheet.height - legend.height))
    draw = ImageDraw.Draw(sheet)
    for row, (title, images) in enumerate(rows):
        top = row * (header + height)
        draw.text((gap, top + 4), title, fill='black', font=font)
        for column, pixels in enumerate(images):
            image = Image.fromarray(np.ascontiguousarray(pixels))
            scale = min(width / image.width, height / image.height)
            size = round(image.width * scale), round(image.height * scale)
            # Masks have no colors between those of their classes.
            resample = Image.Resampling.LANCZOS if title == 'image' and scale < 1 else Image.Resampling.NEAREST
            sheet.paste(image.resize(size, resample), (gap + column * (width + gap), top + header))
    FIGURES.mkdir(exist_ok=True)
    sheet.save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        sheet.quantize(256).save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f'{path} has {path.stat().st_size} bytes, more than {MAX_BYTES}. Draw smaller images.')
    print(f'{path}: {sheet.width} x {sheet.height} pixels, {path.stat().st_size / 1000:.0f} kB')


def first_with_labels(dataset) -> list[int]:
    """Return the first landscape image of each set of ``LABELS``, by the image-level labels of the dataset."""
    classes, found = dataset.metainfo['classes'], {}
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        with Image.open(info['img_path']) as image:
            if image.width > image.height:
                found.setdefault(frozenset(classes[label] for label in info['img_label']), index)
    return [found[frozenset(labels)] for labels in LABELS]


def draw_priors(checkpoint: str, work_dir: str) -> None:
    """Draw ``priors.png`` and ``crf.png``: the masks of three images with each prior and with the CRF."""
    runner = load_model(config_file('wsl_lse_voc6'), checkpoint, work_dir)
    dataset = runner.test_dataloader.dataset
    indices, classes = first_with_labels(dataset), dataset.metainfo['classes']
    print('images:', *(Path(dataset.get_data_info(index)['img_path']).stem for index in indices))
    samples = predict(runner, indices)
    truth: Row = ('ground truth', draw_masks(samples, 'gt_sem_seg'))
    probabilities: Row = ('probabilities', [draw_probabilities(sample) for sample in samples])
    masks: dict[str, Row] = {}
    for title, name in PRIORS.items():
        predicted = predict(load_model(config_file(name), checkpoint, work_dir), indices)
        masks[title] = (title, draw_masks(predicted, 'pred_sem_seg'))
    priors = [masks[title] for title in PRIORS if 'CRF' not in title]
    write_figure(FIGURES / 'priors.png', [truth, probabilities, *priors], 230, classes)
    crf = [masks[title] for title in ('+ ILP', '+ ILP + CRF', '+ ILP + seg', '+ ILP + seg + CRF')]
    write_figure(FIGURES / 'crf.png', [truth, *crf], 230, classes)


def draw_aggregators(work_dir: str, epochs: int, count: int = 6) -> None:
    """Draw ``aggregators.png``: the probabilities of one network trained with each of six aggregators."""
    rows: list[Row] = []
    for number, (title, aggregator) in enumerate(AGGREGATORS.items()):
        folder, config = f'{work_dir}/{number}', config_file('wsl_lse_shapes')
        keys = ('train_cfg.max_epochs', 'train_cfg.val_interval', 'param_scheduler.1.end')
        cfg = load_config(config, dict.fromkeys(keys, epochs), folder)
        cfg.model.decode_head.aggregator = aggregator
        cfg.experiment_name = f'aggregator_{number}'  # by default it contains the current second only
        train(cfg)
        runner = load_model(config, latest_checkpoint(folder), folder, aggregator=aggregator)
        miou = runner.test()['mIoU']
        indices = range(count)
        samples, classes = predict(runner, indices), runner.test_dataloader.dataset.metainfo['classes']
        if not rows:
            rows.append(('image', input_images(runner, indices)))
            rows.append(('ground truth', draw_masks(samples, 'gt_sem_seg')))
        print(f'{title}: mIoU {miou:.1f} at threshold 0.5')
        rows.append((f'{title}: probabilities', [draw_probabilities(sample) for sample in samples]))
    write_figure(FIGURES / 'aggregators.png', rows, 115, classes)


def draw_average_precision() -> None:
    """Draw precision over recall of a made ranking of 12 images, and what each variant of its AP averages."""
    labels = np.array([1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1])
    scores, hits = -np.arange(len(labels), dtype=float), np.cumsum(labels)
    recalls, precisions = hits / hits[-1], hits / np.arange(1, len(labels) + 1)
    monotone = np.maximum.accumulate(precisions[::-1])[::-1]
    figure = Figure(figsize=(9, 3), layout='constrained')
    for axes, variant in zip(figure.subplots(1, 3, sharey=True), AP_VARIANTS, strict=True):
        axes.plot(recalls, precisions, '.-', color='gray', label='precision')
        if variant == '11point':
            points = np.arange(11) / 10
            highest = [precisions[recalls >= point - 1e-9].max() for point in points]
            axes.bar(points, highest, 0.04, alpha=0.5)
        else:
            heights = precisions if variant == 'area' else monotone
            widths = np.diff(recalls, prepend=0)
            axes.bar(recalls - widths, heights, widths, align='edge', alpha=0.5)
        axes.set_title(f'{variant}: {average_precision(scores, labels, None, variant):.3f}')
        axes.set(xlabel='recall', ylim=(0, 1.05))
    figure.supylabel('precision', fontsize='medium')
    figure.savefig(ROOT / 'configs' / 'classification' / 'average_precision.png', dpi=90)


def main(argv: list[str] | None = None) -> None:
    """Draw the figures that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('figure', choices=['priors', 'aggregators', 'average_precision'])
    parser.add_argument('checkpoint', nargs='?', help='checkpoint of wsl_lse_voc6.py, for `priors`')
    parser.add_argument('--epochs', type=int, default=6, help='epochs of each training for `aggregators`')
    args = parser.parse_args(argv)
    if args.figure == 'priors' and not args.checkpoint:
        parser.error('`priors` needs a checkpoint of wsl_lse_voc6.py.')
    with tempfile.TemporaryDirectory() as work_dir:
        if args.figure == 'priors':
            draw_priors(args.checkpoint, work_dir)
        elif args.figure == 'average_precision':
            draw_average_precision()
        else:
            draw_aggregators(work_dir, args.epochs)


if __name__ == '__main__':
    main()
