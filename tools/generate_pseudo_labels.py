"""Make pseudo-labels: ``python tools/generate_pseudo_labels.py CONFIG CHECKPOINT --out DIR [--high P --low P]``."""

from mmwsl.apis.pseudo_labels.command import main

if __name__ == '__main__':
    main()
