"""The embedded dataset: scenes of shapes, made as they are asked for."""

from mmwsl.annotations import ImageLabelRecord
from mmwsl.registry import DATASETS

from .classes import SHAPES_CLASSES, voc_colormap
from .image_label import ImageLabelDataset
from .synthetic import draw_layout
from .vocabulary import encode


@DATASETS.register_module()
class ShapesDataset(ImageLabelDataset):
    """Circles, squares, triangles, stars, rings and crosses on cluttered backgrounds; no file is needed.

    ``(seed, index)`` determines a scene in full: give each split its own seed. The tags are known from the layout
    without painting. A tenth of the scenes is empty; a scene with a star has a ring in more than half of the cases,
    see :mod:`~.scenes.layout`. Form and surface tell the class, as they do with animals; colors, scales, places and
    rotations are random and do not.

    A data info holds what :class:`ImageLabelDataset` says, with ``img_path`` a mere name (``shapes-0-000012.png``),
    and ``scene``: dict(seed, index, size), from which ``RenderShapesImage`` paints the image and, for evaluation only,
    ``RenderShapesMask`` the mask.

    Args:
        length (int): Number of scenes. Defaults to 2000.
        size (int): Side of the images in pixels, at least 32. Defaults to 96.
        seed (int): Seed, 0 or more. Defaults to 0.
        **kwargs: See :class:`ImageLabelDataset`: ``metainfo``, ``pipeline``, ``test_mode``, ``indices`` ...

    Raises:
        ValueError: An argument is out of range.
    """

    METAINFO = dict(classes=SHAPES_CLASSES, palette=voc_colormap(len(SHAPES_CLASSES)))

    def __init__(self, length: int = 2000, size: int = 96, seed: int = 0, **kwargs) -> None:
        for argument, value, least in (('length', length, 1), ('size', size, 32), ('seed', seed, 0)):
            if not isinstance(value, int) or value < least:
                raise ValueError(f'`{argument}` must be an integer of at least {least}, but got {value!r}.')
        self.length = length
        self.size = size
        self.seed = seed
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Draw the layout of every scene, for its tags."""
        return [self._scene_info(index) for index in range(self.length)]

    def _scene_info(self, index: int) -> dict:
        name = f'shapes-{self.seed}-{index:06d}.png'
        labels = sorted({item.label for item in draw_layout(self.seed, index, self.size)})
        record = ImageLabelRecord(name, tuple(SHAPES_CLASSES[label] for label in labels), source=name)
        present, unknown = encode(record, self._metainfo['classes'], SHAPES_CLASSES)
        return dict(
            img_path=name,
            img_label=present,
            unknown_label=unknown,
            num_classes=len(self._metainfo['classes']),
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
            scene=dict(seed=self.seed, index=index, size=self.size),
        )
