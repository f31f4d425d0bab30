"""The synthetic shapes dataset: images rendered on request."""

from typing import Any

from mmwsl.annotations import ImageLabelRecord
from mmwsl.registry import DATASETS

from .classes import SHAPES_CLASSES, voc_colormap
from .image_label import ImageLabelDataset
from .synthetic import draw_layout
from .vocabulary import encode


@DATASETS.register_module()
class ShapesDataset(ImageLabelDataset):
    """Circles, squares, triangles, stars, rings and crosses on cluttered backgrounds; no file is needed.

    ``(seed, index)`` determines an image completely: give each split its own seed. The image-level labels come from
    the layout, without rendering. A tenth of the images has no object; an image with a star has a ring in more than
    half of the cases, see :mod:`mmwsl.datasets.synthetic.layout`. Shape and pattern depend on the class; colors,
    sizes, positions and rotations are random and independent of it.

    A data info holds the keys of :class:`ImageLabelDataset`, with ``img_path`` a mere name (``shapes-0-000012.png``),
    and ``scene``: dict(seed, index, size), from which ``RenderShapesImage`` renders the image and, for evaluation
    only, ``RenderShapesMask`` the mask.

    Args:
        length: Number of images.
        size: Side of the images in pixels, at least 32.
        seed: Non-negative random seed.
        touching: Whether a second object of a class overlaps the first, as a set for instance segmentation needs.
        **kwargs: Passed to :class:`ImageLabelDataset`: ``metainfo``, ``pipeline``, ``test_mode``, ``indices`` ...

    Raises:
        ValueError: If an argument is out of range.
    """

    METAINFO = dict(classes=SHAPES_CLASSES, palette=voc_colormap(len(SHAPES_CLASSES)))

    def __init__(
        self, length: int = 2000, size: int = 96, seed: int = 0, touching: bool = False, **kwargs: Any
    ) -> None:
        for argument, value, least in (('length', length, 1), ('size', size, 32), ('seed', seed, 0)):
            if not isinstance(value, int) or value < least:
                raise ValueError(f'`{argument}` must be an integer of at least {least}, got {value!r}.')
        self.length = length
        self.size = size
        self.seed = seed
        self.touching = touching
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Draw the layout of every image, for its labels."""
        return [self._scene_info(index) for index in range(self.length)]

    def _scene_info(self, index: int) -> dict:
        name = f'shapes-{self.seed}-{index:06d}.png'
        scene: dict[str, Any] = dict(seed=self.seed, index=index, size=self.size)
        if self.touching:
            scene['touching'] = True
        labels = sorted({item.label for item in draw_layout(**scene)})
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
            scene=scene,
        )
