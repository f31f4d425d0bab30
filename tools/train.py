"""Train a segmentor: ``python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] [--cfg-options KEY=VALUE]``."""

from mmwsl.apis.training import main

if __name__ == '__main__':
    main()
