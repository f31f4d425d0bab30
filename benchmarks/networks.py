"""Train networks that have no pretrained weights, from scratch on the synthetic shapes with masks: U-Net, DeconvNet ...

    python benchmarks/networks.py --out work_dirs/networks
    python benchmarks/networks.py fsl_unet_voc6 fsl_unet_voc6_border --iterations 1000 --out work_dirs/networks

Network, loss, augmentation and optimizer are those of the config; data, length and batch size those of this script: two
classes, background and object, 300 test images of another seed, images of 64 pixels, 224 for DeconvNet, whose fully
connected layers need them. The paper's U-Net (`fsl_unet_voc_border`) has a quarter of its width. It is trained on
images of 68 pixels, what valid convolutions leave of 252, and tested on images of 132 in overlapping tiles of 64. To
tell the six shapes apart takes several thousand iterations. Repeat the command to resume an interrupted run.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.config import Config

from mmwsl.apis.config import load_config
from mmwsl.apis.registered import is_subclass
from mmwsl.apis.training import train
from mmwsl.datasets import ShapesDataset
from mmwsl.datasets.transforms import RandomElasticDeformation
from mmwsl.registry import DATASETS, TRANSFORMS

CONFIGS = (
    'fsl_unet_voc6',
    'fsl_unet_voc6_border',
    'fsl_unet_voc_border',
    'fsl_deconvnet_voc6',
    'fsl_deconvnet_voc6_shortcut',
    'fsl_fcn-alexnet_voc6',
    'fsl_fcn-googlenet_voc6',
    'fsl_deeplabv3_voc6_cascade',
)


@TRANSFORMS.register_module()
class JoinObjects(BaseTransform):
    """Transform that makes one class of all objects."""

    def transform(self, results: dict) -> dict:
        """Change the mask."""
        results['gt_seg_map'] = np.minimum(results['gt_seg_map'], 1)
        return results


@DATASETS.register_module()
class ObjectsDataset(ShapesDataset):
    """Synthetic shapes of one class."""

    METAINFO = dict(classes=('background', 'object'), palette=[[0, 0, 0], [255, 0, 0]])

    def get_label_map(self, new_classes: Sequence[str] | None = None) -> None:
        """Return None: the masks have the indices of the classes."""


def shapes_config(name: str, out: Path, iterations: int, batch_size: int) -> Config:
    """Return a config whose data are the synthetic shapes."""
    cfg = load_config(name, work_dir=str(out / name))
    overlap_tile = name == 'fsl_unet_voc_border'
    size = 224 if 'deconvnet' in name else 68 if overlap_tile else 64
    test_size = 132 if overlap_tile else size
    if overlap_tile:
        cfg.model.backbone.base_channels = 16
        cfg.model.decode_head.update(in_channels=16, channels=16)
        cfg.model.inference.scorer.tile = 64
    cfg.model.data_preprocessor.size = (size, size)
    if 'size' in (cfg.model.data_preprocessor.get('test_cfg') or {}):
        cfg.model.data_preprocessor.test_cfg.size = (size, size)
    cfg.model.decode_head.num_classes = 2
    image, mask = dict(type='mmwsl.RenderShapesImage'), [dict(type='mmwsl.RenderShapesMask'), dict(type=JoinObjects)]
    pipeline = cfg.train_dataloader.dataset.pipeline
    augmentation = [step for step in pipeline if is_subclass(step, TRANSFORMS, RandomElasticDeformation)]
    dataset = dict(type=ObjectsDataset)
    cfg.train_dataloader.update(
        batch_size=batch_size,
        sampler=dict(type='InfiniteSampler', shuffle=True),
        dataset=dict(
            dataset, size=size, length=4000, seed=0, pipeline=[image, *mask, *augmentation, dict(type='PackSegInputs')]
        ),
    )
    test = [image, dict(type='mmwsl.KeepOriginalImage'), *mask, dict(type='mmwsl.PackSegInputsWithMaps')]
    cfg.val_dataloader.dataset = dict(dataset, size=test_size, length=300, seed=1, test_mode=True, pipeline=test)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=iterations)
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
        dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=iterations),
    ]
    cfg.log_processor.by_epoch = False
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=100)
    cfg.default_hooks.logger.update(log_metric_by_epoch=False)
    cfg.visualizer.name = cfg.experiment_name = name
    return cfg


def main() -> None:
    """Train the networks one after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*', default=CONFIGS, metavar='CONFIG', help=f'default: {", ".join(CONFIGS)}')
    parser.add_argument('--iterations', type=int, default=600, help='length of each training (default %(default)s)')
    parser.add_argument('--batch-size', type=int, default=16, help='images of a batch (default %(default)s)')
    parser.add_argument('--out', type=Path, required=True, help='folder of the results')
    args = parser.parse_args()
    for name in args.configs:
        runner = train(shapes_config(name, args.out, args.iterations, args.batch_size), resume=True)
        mean = runner.message_hub.get_scalar('val/mIoU').current()
        print(f'{name}: mIoU {mean:.1f} after {args.iterations} iterations', flush=True)


if __name__ == '__main__':
    main()
