"""Train on synthetic shapes from image-level labels, evaluate and draw: ``python tools/demo.py [--work-dir DIR]``."""

from mmwsl.apis.demo import main

if __name__ == '__main__':
    main()
