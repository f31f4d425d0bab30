"""Put finished runs side by side: ``python tools/compare.py RUN [RUN ...] [--out DIR] [--indices N]``."""

from mmwsl.apis.comparison.command import main

if __name__ == '__main__':
    main()
