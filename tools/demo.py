"""Train on synthetic shapes from image-level labels, evaluate and draw: ``python tools/demo.py [--work-dir DIR]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('demo')
