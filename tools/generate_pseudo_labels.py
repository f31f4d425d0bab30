"""Generate pseudo-labels: ``python tools/generate_pseudo_labels.py CONFIG CHECKPOINT --out DIR [--gt-masks]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('generate-pseudo-labels')
