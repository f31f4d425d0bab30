"""Train on synthetic shapes from image-level labels, evaluate and draw: ``python tools/demo.py [--work-dir DIR]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('demo')
