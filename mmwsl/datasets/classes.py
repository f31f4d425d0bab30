"""Class names and palettes of the datasets; index 0 is always ``background``."""

from mmseg.utils import cocostuff_classes, voc_classes

BACKGROUND = 'background'

VOC_CLASSES = tuple(voc_classes())

VOC6_CLASSES = (BACKGROUND, 'cat', 'cow', 'dog', 'horse', 'person', 'sheep')

VOC_ACTIONS = (
    BACKGROUND,
    'jumping',
    'phoning',
    'playinginstrument',
    'reading',
    'ridingbike',
    'ridinghorse',
    'running',
    'takingphoto',
    'usingcomputer',
    'walking',
)

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


def safe_palette(num_colors: int) -> list[list[int]]:
    """Return a palette for own classes: black, then colors that color-blind people can tell apart.

    They are the colors of Okabe & Ito (2008); from the ninth color on, those of :func:`voc_colormap` follow.
    """
    safe = [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]]
    return [[0, 0, 0], *safe, *voc_colormap(max(num_colors, 8))[8:]][:num_colors]
