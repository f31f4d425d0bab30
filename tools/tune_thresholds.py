"""Search the class thresholds: ``python tools/tune_thresholds.py CONFIG CHECKPOINT [--ann-file LIST] [--out FILE]``."""

from mmwsl.apis.tuning import main

if __name__ == '__main__':
    main()
