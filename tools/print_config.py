"""Print a config with all that it inherits: ``python tools/print_config.py CONFIG [--out FILE]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('print-config')
