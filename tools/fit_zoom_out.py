"""Train the SVMs of zoom-out features: ``python tools/fit_zoom_out.py CONFIG CHECKPOINT [--out FILE]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('fit-zoom-out')
