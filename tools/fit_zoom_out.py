"""Train the SVMs of zoom-out features: ``python tools/fit_zoom_out.py CONFIG CHECKPOINT [--out FILE]``."""

from mmwsl.apis.zoom_out import main

if __name__ == '__main__':
    main()
