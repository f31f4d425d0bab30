"""Layout of a scene: classes and positions of its objects, drawn before and independently of any pixel.

Class frequencies, which the tests measure on many scenes: a tenth of the scenes is empty; of the others, a half draws
one class, a third two, a sixth three, with equal probability of all classes. Then a scene with a star and without a
ring gets a ring with probability 0.6, so that the two co-occur like riders and horses. Each class has one object, or
two with probability 0.25; a second object that does not fit is dropped.
"""

from dataclasses import dataclass

import numpy as np

CLASS_IDS = range(1, 7)
STAR, RING = 4, 5
EMPTY_PROBABILITY = 0.1
NUM_CLASSES_PROBABILITIES = (1 / 2, 1 / 3, 1 / 6)
RING_BESIDE_STAR_PROBABILITY = 0.6
SECOND_OBJECT_PROBABILITY = 0.25
RADIUS_RANGE = (0.15, 0.27)
"""Radius of the circle around an object, as a fraction of the image side."""
PLACEMENT_TRIALS = 30
TOUCHING_DISTANCE = 0.6
"""Distance of two touching objects of a class, as a fraction of the sum of their radii."""


@dataclass(frozen=True)
class SceneObject:
    """Class id of an object, and its circumscribed circle in pixels.

    Attributes:
        label: Class id, 1 to 6, in the order of ``SHAPES_CLASSES``.
        x: Column of the center.
        y: Row of the center.
        radius: Radius of the circle.
        angle: Rotation in radians.
    """

    label: int
    x: float
    y: float
    radius: float
    angle: float


def draw_layout(seed: int, index: int, size: int, touching: bool = False) -> tuple[SceneObject, ...]:
    """Draw the objects of a scene; the same arguments give the same objects.

    The circles around the objects are inside the image and do not touch: every object is entirely visible, so the
    image-level labels agree with the pixels. With ``touching``, the second object of a class overlaps the first.

    Args:
        seed: Random seed of the dataset.
        index: Number of the scene.
        size: Side of the image in pixels.
        touching: Whether the second object of a class stands in front of the first.

    Returns:
        The objects; empty for a background image.
    """
    rng = np.random.default_rng((seed, index, 0))
    objects: list[SceneObject] = []
    for label, required in _draw_labels(rng):
        first = next((item for item in objects if item.label == label), None) if touching else None
        placed = _place(rng, label, required, objects, size, first)
        if placed is not None:
            objects.append(placed)
    return tuple(objects)


def _draw_labels(rng: np.random.Generator) -> list[tuple[int, bool]]:
    """Draw (class id, whether it must be placed), the first object of every class before the second ones."""
    if rng.random() < EMPTY_PROBABILITY:
        return []
    count = 1 + rng.choice(len(NUM_CLASSES_PROBABILITIES), p=NUM_CLASSES_PROBABILITIES)
    labels = rng.permutation(CLASS_IDS)[:count].tolist()
    if STAR in labels and RING not in labels and rng.random() < RING_BESIDE_STAR_PROBABILITY:
        labels.append(RING)
    return [(label, True) for label in labels] + [
        (label, False) for label in labels if rng.random() < SECOND_OBJECT_PROBABILITY
    ]


def _place(
    rng: np.random.Generator,
    label: int,
    required: bool,
    others: list[SceneObject],
    size: int,
    first: SceneObject | None = None,
) -> SceneObject | None:
    """Find a free position for an object, beside ``first`` if given, shrinking a required one until it fits."""
    radius = rng.uniform(*RADIUS_RANGE) * size
    angle = rng.uniform(0, 2 * np.pi)
    taken = np.array([(other.x, other.y, other.radius) for other in others if other is not first]).reshape(-1, 3)
    while True:
        if first is None:
            centers = rng.uniform(radius + 1, size - radius - 1, size=(PLACEMENT_TRIALS, 2))
        else:
            directions = rng.uniform(0, 2 * np.pi, size=PLACEMENT_TRIALS)
            steps = np.stack([np.cos(directions), np.sin(directions)], axis=1)
            centers = (first.x, first.y) + TOUCHING_DISTANCE * (first.radius + radius) * steps
        distances = np.linalg.norm(centers[:, None] - taken[None, :, :2], axis=-1)  # (trials, others)
        free = (distances > radius + taken[:, 2] + 1).all(axis=1)
        free &= ((centers > radius) & (centers < size - radius)).all(axis=1)
        if free.any():
            x, y = centers[free.argmax()].tolist()
            return SceneObject(label, x, y, radius, angle)
        if not required:
            return None
        radius *= 0.9
