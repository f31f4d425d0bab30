"""Train the paper's own network on images of voc6, and evaluate it with each prior of Table 4.

    python benchmarks/overfeat.py work_dirs/overfeat --iterations 150 --images 30

The images of train_aug with one label lie in a folder per class, as those of ImageNet would. There are no images of
the background, and no weights of OverFeat: its frozen layers are random. The run shows that recipe and priors work
together, and says nothing of the paper's result. Scores have stride 12, that of the network itself: with the 1 of the
config, an image takes about a minute on a CPU. ``--stride 4`` scores as if 9 shifted images were. Repeat the command to
resume an interrupted run.
"""

import argparse
import json
from pathlib import Path

from classification import ROOT, SCENES, link, read_labels, read_list
from mmengine.config import Config

from mmwsl.apis import load_config, test
from mmwsl.apis.registered import is_subclass
from mmwsl.apis.training import train
from mmwsl.evaluation import PointLocalizationMetric
from mmwsl.registry import METRICS
from mmwsl.utils.files import atomic_write

NAMES = ['wsl_lse_overfeat_voc', *(f'wsl_lse_overfeat_voc_{prior}' for prior in ('ilp', 'sppxl', 'bb', 'seg'))]


def write_images(root: Path) -> None:
    """Link the images with one label into a folder per class."""
    labels = read_labels()
    for name in SCENES:
        link(root / name, [image for image in read_list('train_aug') if labels[image] == {name}])


def overfeat_config(name: str, out: Path, iterations: int, images: int, stride: int) -> Config:
    """Return a config whose data are those of voc6."""
    cfg = load_config(name, work_dir=str(out / name))
    cfg.train_dataloader.dataset.update(
        data_root=str(out / 'images'), background_folder=None, metainfo=dict(classes=('background', *SCENES))
    )
    cfg.train_dataloader.update(batch_size=4, num_workers=2)
    cfg.model.decode_head.num_classes = 6
    cfg.test_dataloader.dataset.update(
        type='mmwsl.VOC6WeakDataset',
        data_root=str(ROOT),
        label_file='image_labels.csv',
        indices=images,
        metainfo=dict(classes=('background', *SCENES)),
    )
    cfg.test_dataloader.dataset.data_prefix.seg_map_path = 'SegmentationClassAug'
    cfg.model.inference.scorer.stride = stride
    cfg.test_evaluator = [one for one in cfg.test_evaluator if not is_subclass(one, METRICS, PointLocalizationMetric)]
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.update(param_scheduler=None, train_cfg=dict(type='IterBasedTrainLoop', max_iters=iterations))
    cfg.default_hooks.checkpoint.interval = 50
    return cfg


def main() -> None:
    """Train, and evaluate each row of Table 4."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='folder of the results')
    parser.add_argument('--iterations', type=int, default=150, help='of 4 images (default %(default)s)')
    parser.add_argument('--images', type=int, default=30, help='first images of val that are evaluated')
    parser.add_argument('--stride', type=int, default=12, help='of the scores, a divisor of 12 (default %(default)s)')
    args = parser.parse_args()
    settings = args.iterations, args.images, args.stride
    write_images(args.out / 'images')
    train(overfeat_config(NAMES[0], args.out, *settings), resume=True)
    checkpoint = args.out / NAMES[0] / f'iter_{args.iterations}.pth'
    for name in NAMES:
        result = args.out / f'{name}_stride{args.stride}.json'
        if not result.exists():
            metrics = test(overfeat_config(name, args.out / 'test', *settings), str(checkpoint))
            with atomic_write(result) as file:
                file.write(json.dumps(metrics, default=float).encode())
        print(f'{name}: mIoU {json.loads(result.read_text())["mIoU"]:.1f}', flush=True)


if __name__ == '__main__':
    main()
