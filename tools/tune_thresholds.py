"""Search the class thresholds: ``python tools/tune_thresholds.py CONFIG CHECKPOINT [--ann-file LIST] [--out FILE]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('tune-thresholds')
