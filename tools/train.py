"""Train a segmentor: ``python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] [--cfg-options KEY=VALUE]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('train')
