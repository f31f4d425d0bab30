"""Print a config with all that it inherits: ``python tools/print_config.py CONFIG [--out FILE]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('print-config')
