"""Write the semantic masks of a COCO file: ``python tools/coco_masks.py instances_val2017.json --out DIR``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('coco-masks')
