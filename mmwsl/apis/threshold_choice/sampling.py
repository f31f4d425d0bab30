"""Images that a choice of thresholds looks at."""

import random
from collections.abc import Sequence

from mmwsl.apis.pseudo_labels.items import ImageItem


def sample_images(items: Sequence[ImageItem], classes: Sequence[int], count: int, seed: int = 0) -> list[ImageItem]:
    """Sample images so that every class has about the same number, or all of its images if it has fewer.

    The classes take turns: the class with the fewest sampled images gets the next one.

    Args:
        items: The images.
        classes: Ids of the foreground classes.
        count: Maximum number of images.
        seed: Random seed; equal seeds give equal samples.

    Returns:
        The sampled images, in the order of ``items``. Images without a present class are not sampled; images without
        image-level labels count for every class.
    """
    order = random.Random(seed).sample(range(len(items)), len(items))
    allowed = set(classes)
    present = {}
    for index in order:
        labels = items[index].labels
        present[index] = allowed if labels is None else allowed & set(labels)
    queues = {k: [index for index in reversed(order) if k in present[index]] for k in classes}
    sampled: dict[int, None] = {}
    tally = dict.fromkeys(classes, 0)
    while len(sampled) < count and any(queues.values()):
        k = min((k for k in classes if queues[k]), key=lambda k: tally[k])
        index = queues[k].pop()
        if index not in sampled:
            sampled[index] = None
            for other in present[index]:
                tally[other] += 1
    return [items[index] for index in sorted(sampled)]
