"""Write images of voc6 as COCO 2017: 80 categories with gaps in their ids, and an image without an object.

    python benchmarks/coco_format.py work_dirs/coco_format --train 437 --val 300
    export MMWSL_DATA_ROOT=work_dirs/coco_format
    for split in train2017 val2017; do
        python tools/coco_masks.py $MMWSL_DATA_ROOT/coco/annotations/instances_$split.json \
            --out $MMWSL_DATA_ROOT/coco/masks/$split
    done
    python tools/train.py configs/lse/wsl_lse_mobilenet-v2_coco.py

The instances are the components of the masks. Ignored pixels of VOC are background here: COCO has none.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from mmwsl.annotations import IGNORE_INDEX, open_mask_writer, read_mask
from mmwsl.datasets.classes import COCO_CLASSES, VOC_CLASSES, voc_colormap

ROOT = Path(os.environ.get('MMWSL_DATA_ROOT', 'data'), 'voc6')
GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
IDS = [index for index in range(1, 91) if index not in GAPS]
"""Ids of COCO's categories, in the order of its classes."""
EMPTY = 'empty.jpg'


def write_split(out: Path, split: str, names: list[str]) -> None:
    """Link the images, and write their instances."""
    images, annotations = out / 'coco' / split, out / 'coco' / 'annotations'
    images.mkdir(parents=True)
    annotations.mkdir(exist_ok=True)
    indices = np.zeros(256, np.uint8)
    for name in ('cat', 'cow', 'dog', 'horse', 'person', 'sheep'):
        indices[VOC_CLASSES.index(name)] = COCO_CLASSES.index(name)
    indices[IGNORE_INDEX] = 0
    folder = out / 'instances' / split
    with open_mask_writer('coco-instances', folder, COCO_CLASSES, voc_colormap(len(COCO_CLASSES))) as writer:
        for name in names:
            (images / f'{name}.jpg').symlink_to((ROOT / f'JPEGImages/{name}.jpg').absolute())
            writer.write(f'{name}.jpg', indices[read_mask(ROOT / f'SegmentationClassAug/{name}.png')])
        Image.new('RGB', (320, 240), (110, 140, 90)).save(images / EMPTY)
        writer.write(EMPTY, np.zeros((240, 320), np.uint8))
    content = json.loads(Path(writer.output).read_text())
    for item in content['annotations']:
        item['category_id'] = IDS[item['category_id'] - 1]
    content['categories'] = [dict(id=IDS[item['id'] - 1], name=item['name']) for item in content['categories']]
    (annotations / f'instances_{split}.json').write_text(json.dumps(content))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='new folder')
    parser.add_argument('--train', type=int, default=437, help='number of training images, which have masks')
    parser.add_argument('--val', type=int, default=300, help='number of validation images')
    args = parser.parse_args()
    for split, part, count in (('train2017', 'train', args.train), ('val2017', 'val', args.val)):
        names = (ROOT / f'ImageSets/Segmentation/{part}.txt').read_text().split()
        write_split(args.out, split, names[:count])


if __name__ == '__main__':
    main()
