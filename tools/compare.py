"""Compare finished runs: ``python tools/compare.py RUN [RUN ...] [--out DIR] [--max-images N]``."""

from mmwsl.apis.comparison.command import main

if __name__ == '__main__':
    main()
