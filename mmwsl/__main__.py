"""``python -m mmwsl``, for launchers such as torchrun; the same as the command ``mmwsl``."""

import sys

from mmwsl.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
