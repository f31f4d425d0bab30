"""Write the semantic masks of a COCO file: ``python tools/coco_masks.py instances_val2017.json --out DIR``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('coco-masks')
