"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--tta] [--out DIR] [--show-dir DIR]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('test')
