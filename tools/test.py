"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--tta] [--out DIR] [--show-dir DIR]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('test')
