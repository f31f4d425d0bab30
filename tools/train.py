"""Train a segmentor: ``python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] [--cfg-options KEY=VALUE]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('train')
