"""Train the SVMs of zoom-out features: ``python tools/fit_zoom_out.py CONFIG CHECKPOINT [--out FILE]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('fit-zoom-out')
