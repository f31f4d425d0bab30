"""Class names and palettes of the datasets; index 0 is always ``background``."""

from mmseg.utils import cocostuff_classes, voc_classes

BACKGROUND = 'background'

VOC_CLASSES = tuple(voc_classes())

VOC6_CLASSES = (BACKGROUND, 'cat', 'cow', 'dog', 'horse', 'person', 'sheep')

COCO_CLASSES = (BACKGROUND, *cocostuff_classes()[:80])  # COCO-Stuff appends its 91 stuff classes

SHAPES_CLASSES = (BACKGROUND, 'circle', 'square', 'triangle', 'star', 'ring', 'cross')


def voc_colormap(num_colors: int) -> list[list[int]]:
    """Return the colors of PASCAL VOC's palette files, of which mmseg has the first 21.

    Bit ``3 j + c`` of the index becomes bit ``7 - j`` of channel ``c`` (R, G, B), so that neighboring indices get
    distant colors and index 0 is black.

    Args:
        num_colors: Length of the palette, 1 to 256.

    Returns:
        RGB triples.
    """
    return [
        [sum((index >> (3 * j + c) & 1) << (7 - j) for j in range(8)) for c in range(3)] for index in range(num_colors)
    ]
