"""Print a config with all that it inherits: ``python tools/print_config.py CONFIG [--out FILE]``."""

from mmwsl.apis.print_config import main

if __name__ == '__main__':
    main()
