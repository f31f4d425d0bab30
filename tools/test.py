"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [--tta] [--out DIR] [--show-dir DIR]``."""

from mmwsl.apis.testing import main

if __name__ == '__main__':
    main()
