"""Generate pseudo-labels: ``python tools/generate_pseudo_labels.py CONFIG CHECKPOINT --out DIR [--gt-masks]``."""

from mmwsl.apis.pseudo_labels.command import main

if __name__ == '__main__':
    main()
