"""Run the classification configs on images of voc6, written in the layout of each dataset.

    python benchmarks/classification.py work_dirs/classification

A frozen MobileNetV2 at 224 x 224 pixels takes the place of ResNet-101 at 448, the schedule is that of voc6 (6 epochs).
Datasets, protocol and metric are from the configs. The images of each dataset are replaced:

- VOC 2007: lists of train (437 images) as trainval, of val (300) as test. VOC 2012: train_aug (3131) and val. A label
  whose class has no pixel in the mask is difficult (0).
- Action: the components of the masks of persons in train_aug and val. A person whose mask touches a horse's does
  `ridinghorse`, every other person none of the actions.
- COCO 2014: see coco_format.py, train and val.
- MIT67 and 15-Scene: images of train_aug with one label, in a folder per class, of which there are five; 80 and 20 of
  each, drawn with seed 0, are MIT67's, all are 15-Scene's.

Repeat the command to resume an interrupted run.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from coco_format import ROOT, write_split
from mmcv.transforms import Resize
from mmengine import Config
from skimage.measure import label, regionprops
from skimage.morphology import dilation

from mmwsl.annotations import read_mask
from mmwsl.apis.registered import is_subclass
from mmwsl.datasets.classes import VOC_ACTIONS, VOC_CLASSES
from mmwsl.registry import TRANSFORMS

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGS = ('voc07', 'voc12', 'voc12_action', 'coco14', 'mit67', 'scene15')
SCENES = ('cat', 'cow', 'dog', 'horse', 'sheep')
SIZE = (224, 224)
SMALLEST_PERSON = 400  # pixels


def read_list(part: str) -> list[str]:
    """Return the names of the images of a part of voc6."""
    return (ROOT / f'ImageSets/Segmentation/{part}.txt').read_text().split()


def read_labels() -> dict[str, set[str]]:
    """Return the labels of each image of voc6."""
    with open(ROOT / 'image_labels.csv', newline='') as file:
        return {Path(row['image']).stem: set(row['labels'].split()) for row in csv.DictReader(file)}


def mask_of(name: str) -> np.ndarray:
    """Return the mask of an image of voc6."""
    return read_mask(ROOT / f'SegmentationClassAug/{name}.png')


def link(folder: Path, names: list[str]) -> None:
    """Link images of voc6 into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / f'{name}.jpg'
        if not path.exists():
            path.symlink_to((ROOT / f'JPEGImages/{name}.jpg').absolute())


def write_lists(folder: Path, split: str, classes: tuple[str, ...], rows: dict[str, dict[str, int]]) -> None:
    """Write a list of VOC per class: ``rows`` maps an image, or an image and a person, to the values of its classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in classes:
        lines = [f'{item} {values.get(name, -1)}\n' for item, values in rows.items()]
        (folder / f'{name}_{split}.txt').write_text(''.join(lines))


def write_voc(root: Path, splits: dict[str, str], labels: dict[str, set[str]]) -> None:
    """Write a VOC devkit: ``splits`` maps its splits to the parts of voc6."""
    for split, part in splits.items():
        names = read_list(part)
        link(root / 'JPEGImages', names)
        rows = {}
        for name in names:
            visible = {VOC_CLASSES[index] for index in np.unique(mask_of(name)) if index < len(VOC_CLASSES)}
            rows[name] = {found: int(found in visible) for found in labels[name]}
        write_lists(root / 'ImageSets/Main', split, VOC_CLASSES[1:], rows)


def write_actions(root: Path, splits: dict[str, str]) -> None:
    """Write the persons of the masks, and who of them rides a horse."""
    person, horse = VOC_CLASSES.index('person'), VOC_CLASSES.index('horse')
    (root / 'Annotations').mkdir(parents=True, exist_ok=True)
    for split, part in splits.items():
        rows: dict[str, dict[str, int]] = {}
        for name in read_list(part):
            mask = mask_of(name)
            near_horse = dilation(mask == horse, np.ones((7, 7)))
            persons = [region for region in regionprops(label(mask == person)) if region.area >= SMALLEST_PERSON]
            objects = []
            for number, region in enumerate(persons, 1):
                top, left, bottom, right = region.bbox
                objects.append(
                    f'<object><name>person</name><difficult>0</difficult><bndbox><xmin>{left + 1}</xmin>'
                    f'<ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>'
                )
                rides = near_horse[tuple(region.coords.T)].any()
                rows[f'{name} {number}'] = dict(ridinghorse=1 if rides else -1)
            if persons:
                link(root / 'JPEGImages', [name])
                height, width = mask.shape
                (root / 'Annotations' / f'{name}.xml').write_text(
                    f'<annotation><size><width>{width}</width><height>{height}</height></size>{"".join(objects)}'
                    '</annotation>'
                )
        write_lists(root / 'ImageSets/Action', split, VOC_ACTIONS[1:], rows)


def write_scenes(root: Path, labels: dict[str, set[str]]) -> None:
    """Write a folder of images per class, and the lists of MIT67."""
    random = np.random.default_rng(0)
    parts: dict[str, list[str]] = dict(TrainImages=[], TestImages=[])
    for scene in SCENES:
        names = [name for name in read_list('train_aug') if labels[name] == {scene}]
        link(root / 'scene15' / scene, names)
        drawn = random.permutation(names)[:100].tolist()
        link(root / 'mit67' / 'Images' / scene, drawn)
        parts['TrainImages'] += [f'{scene}/{name}.jpg' for name in drawn[:80]]
        parts['TestImages'] += [f'{scene}/{name}.jpg' for name in drawn[80:]]
    for part, files in parts.items():
        (root / 'mit67' / f'{part}.txt').write_text('\n'.join(files))


def write_data(root: Path) -> None:
    """Write all datasets."""
    labels = read_labels()
    write_voc(root / 'VOCdevkit/VOC2007', dict(trainval='train', test='val'), labels)
    write_voc(root / 'VOCdevkit/VOC2012', dict(train='train_aug', val='val'), labels)
    write_actions(root / 'VOCdevkit/VOC2012', dict(train='train_aug', val='val'))
    for split, part in (('train2014', 'train'), ('val2014', 'val')):
        write_split(root, split, read_list(part))
    write_scenes(root, labels)


def light_config(name: str) -> Config:
    """Return a config with the network, the sizes and the schedule of voc6."""
    config = Config.fromfile(REPOSITORY / f'configs/classification/wsl_wildcat_{name}_cls.py')
    light = Config.fromfile(REPOSITORY / 'configs/classification/wsl_wildcat_voc6_cls.py')
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'log_processor', 'default_hooks'):
        config[key] = light[key]
    head, light_head = config.model.decode_head, light.model.decode_head
    for key in ('in_channels', 'hidden_channels', 'kernel_size', 'dropout_ratio', 'aggregator'):
        head[key] = light_head[key]
    config.model.backbone = light.model.backbone
    config.model.data_preprocessor = dict(light.model.data_preprocessor, size=SIZE)
    scenes = name in ('mit67', 'scene15')
    if scenes:
        head.num_classes = len(SCENES) + 1
    config.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    for part in ('train', 'val', 'test'):
        loader = config[f'{part}_dataloader']
        loader.update(num_workers=2)
        for step in loader.dataset.pipeline:
            if is_subclass(step, TRANSFORMS, Resize):
                step.scale = SIZE
        if scenes:
            loader.dataset.metainfo = dict(classes=('background', *SCENES))
    return config


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='folder of the datasets and results')
    parser.add_argument('--configs', nargs='+', default=CONFIGS, choices=CONFIGS, help='default: all')
    args = parser.parse_args()
    data, partial = args.out / 'data', args.out / 'data.part'
    if not data.exists():
        partial.mkdir(parents=True)
        write_data(partial)
        partial.rename(data)
    root = str(data.resolve())
    for name in args.configs:
        folder = args.out / f'wsl_wildcat_{name}_cls'
        os.environ['MMWSL_DATA_ROOT'] = root  # read by the config
        config = light_config(name)
        folder.mkdir(exist_ok=True)
        config.dump(folder / 'light.py')
        train = [sys.executable, str(REPOSITORY / 'tools/train.py'), str(folder / 'light.py'), '--resume']
        subprocess.run([*train, '--work-dir', str(folder / 'work_dir')], check=True)
        last = sorted(folder.glob('work_dir/*/vis_data/scalars.json'))[-1].read_text().splitlines()[-1]
        metrics = {key: round(value, 1) for key, value in json.loads(last).items() if isinstance(value, float)}
        print(f'{name}: {metrics}', flush=True)


if __name__ == '__main__':
    main()
