"""Generate pseudo-labels: ``python tools/generate_pseudo_labels.py CONFIG CHECKPOINT --out DIR [--gt-masks]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('generate-pseudo-labels')
