"""``python -m mmwsl``, for launchers such as torchrun; the same as the command ``mmwsl``."""

from mmwsl.cli.start import start

if __name__ == '__main__':
    start()
