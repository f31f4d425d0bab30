"""``python -m mmwsl``, for launchers such as torchrun; the same as the command ``mmwsl``."""

import sys

if __name__ == '__main__':
    try:
        from mmwsl.cli.main import main

        main()
    except KeyboardInterrupt:  # while the libraries are imported
        sys.exit('mmwsl: interrupted.')
