"""Write masks of everything in images by SAM: ``python tools/sam_masks.py IMAGES --model FOLDER --out DIR``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('sam-masks')
