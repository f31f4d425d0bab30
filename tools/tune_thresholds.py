"""Search the class thresholds: ``python tools/tune_thresholds.py CONFIG CHECKPOINT [--ann-file LIST] [--out FILE]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('tune-thresholds')
