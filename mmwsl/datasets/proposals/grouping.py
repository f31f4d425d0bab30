"""Hierarchical grouping of superpixels (Uijlings et al., IJCV 2013)."""

import heapq

import numpy as np

from .graph import SuperpixelGraph


def group_regions(graph: SuperpixelGraph) -> tuple[np.ndarray, np.ndarray]:
    r"""Merge the two most similar neighbors until one region is left.

    The similarity of two regions follows Uijlings et al. (section 3.2), each term in [0, 1]:

    .. math::
        s = \sum_b \min(c^1_b, c^2_b) + \sum_b \min(t^1_b, t^2_b)
            + 1 - \frac{|r_1| + |r_2|}{|I|} + 1 - \frac{|BB_{12}| - |r_1| - |r_2|}{|I|}

    with the histograms of color :math:`c` and texture :math:`t`, the areas of the regions, of the box around both and
    of the image. The histogram of a merged region is the mean of both, weighted by area. Unlike in the paper, texture
    is the orientation of the gradient, weighted by its magnitude, in 8 bins per channel (there: Gaussian derivatives
    in 8 orientations, 10 bins each).

    Args:
        graph: The R superpixels.

    Returns:
        Superpixels of each region, ``(2R - 1, R)`` bool, single superpixels first and the whole image last; and the
        boxes of the regions, ``(2R - 1, 4)``.
    """
    count = len(graph.sizes)
    total = 2 * count - 1
    area = graph.labels.size
    histograms = np.zeros((total, graph.colors.shape[1] + graph.textures.shape[1]))
    histograms[:count] = np.concatenate([graph.colors, graph.textures], axis=1)
    sizes = np.concatenate([graph.sizes, np.zeros(count - 1)])
    boxes = np.concatenate([graph.boxes, np.zeros((count - 1, 4), dtype=graph.boxes.dtype)])
    members = np.zeros((total, count), dtype=bool)
    members[:count] = np.eye(count, dtype=bool)

    def similarity(one: np.ndarray, other: np.ndarray | int) -> np.ndarray:
        corners = np.maximum(boxes[one, 2:], boxes[other, 2:]) - np.minimum(boxes[one, :2], boxes[other, :2])
        shared = np.minimum(histograms[one], histograms[other]).sum(-1)
        # the areas of the two regions cancel in the sum of the size and the fill term
        return shared + 2 - corners.prod(-1) / area

    neighbors: list[set[int]] = [set() for _ in range(total)]
    for one, other in graph.edges.tolist():
        neighbors[one].add(other)
        neighbors[other].add(one)
    values = similarity(*graph.edges.T)
    queue = [(-value, one, other) for value, (one, other) in zip(values.tolist(), graph.edges.tolist(), strict=True)]
    heapq.heapify(queue)
    alive = [True] * total
    for new in range(count, total):
        while True:
            _, one, other = heapq.heappop(queue)
            if alive[one] and alive[other]:
                break
        alive[one] = alive[other] = False
        sizes[new] = sizes[one] + sizes[other]
        histograms[new] = (sizes[one] * histograms[one] + sizes[other] * histograms[other]) / sizes[new]
        boxes[new, :2] = np.minimum(boxes[one, :2], boxes[other, :2])
        boxes[new, 2:] = np.maximum(boxes[one, 2:], boxes[other, 2:])
        members[new] = members[one] | members[other]
        neighbors[new] = (neighbors[one] | neighbors[other]) - {one, other}
        near = sorted(neighbors[new])
        for neighbor in near:
            neighbors[neighbor] -= {one, other}
            neighbors[neighbor].add(new)
        for value, neighbor in zip(similarity(np.array(near, dtype=int), new).tolist(), near, strict=True):
            heapq.heappush(queue, (-value, neighbor, new))
    return members, boxes
