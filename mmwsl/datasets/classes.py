"""Class names and palettes of the datasets; index 0 is always ``background``."""

BACKGROUND = 'background'

VOC_CLASSES = (
    BACKGROUND,
    'aeroplane',
    'bicycle',
    'bird',
    'boat',
    'bottle',
    'bus',
    'car',
    'cat',
    'chair',
    'cow',
    'diningtable',
    'dog',
    'horse',
    'motorbike',
    'person',
    'pottedplant',
    'sheep',
    'sofa',
    'train',
    'tvmonitor',
)

VOC6_CLASSES = (BACKGROUND, 'cat', 'cow', 'dog', 'horse', 'person', 'sheep')

COCO_CLASSES = (
    BACKGROUND,
    'person',
    'bicycle',
    'car',
    'motorcycle',
    'airplane',
    'bus',
    'train',
    'truck',
    'boat',
    'traffic light',
    'fire hydrant',
    'stop sign',
    'parking meter',
    'bench',
    'bird',
    'cat',
    'dog',
    'horse',
    'sheep',
    'cow',
    'elephant',
    'bear',
    'zebra',
    'giraffe',
    'backpack',
    'umbrella',
    'handbag',
    'tie',
    'suitcase',
    'frisbee',
    'skis',
    'snowboard',
    'sports ball',
    'kite',
    'baseball bat',
    'baseball glove',
    'skateboard',
    'surfboard',
    'tennis racket',
    'bottle',
    'wine glass',
    'cup',
    'fork',
    'knife',
    'spoon',
    'bowl',
    'banana',
    'apple',
    'sandwich',
    'orange',
    'broccoli',
    'carrot',
    'hot dog',
    'pizza',
    'donut',
    'cake',
    'chair',
    'couch',
    'potted plant',
    'bed',
    'dining table',
    'toilet',
    'tv',
    'laptop',
    'mouse',
    'remote',
    'keyboard',
    'cell phone',
    'microwave',
    'oven',
    'toaster',
    'sink',
    'refrigerator',
    'book',
    'clock',
    'vase',
    'scissors',
    'teddy bear',
    'hair drier',
    'toothbrush',
)

SHAPES_CLASSES = (BACKGROUND, 'circle', 'square', 'triangle', 'star', 'ring', 'cross')


def voc_colormap(num_colors: int) -> list[list[int]]:
    """Colors of PASCAL VOC's palette files.

    Bit ``3 j + c`` of the index becomes bit ``7 - j`` of channel ``c`` (R, G, B), so that neighboring indices get
    distant colors and index 0 is black.

    Args:
        num_colors (int): Length of the palette, 1 to 256.

    Returns:
        list[list[int]]: RGB triples.
    """
    return [
        [sum((index >> (3 * j + c) & 1) << (7 - j) for j in range(8)) for c in range(3)] for index in range(num_colors)
    ]
