"""Compare finished runs: ``python tools/compare.py RUN [RUN ...] [--out DIR] [--max-images N]``."""

from mmwsl.cli.main import run_command

if __name__ == '__main__':
    run_command('compare')
