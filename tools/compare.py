"""Compare finished runs: ``python tools/compare.py RUN [RUN ...] [--out DIR] [--max-images N]``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start('compare')
