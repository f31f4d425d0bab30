"""Prediction of batches whose images differ in size."""

from collections.abc import Callable
from typing import Any

from mmseg.structures import SegDataSample
from mmseg.utils import SampleList


def predict_by_size(predict: Callable[[Any], SampleList], data: Any) -> SampleList:
    """Predict the images of a batch in groups of equal size.

    Padded to one size, images would have other scores: the convolutions see the padding.

    Args:
        predict: Predicts a batch of images of equal size.
        data: Batch of a loader, whose fields list the images and their samples; a field may also be no list, such as
            ``data_samples=None``.

    Returns:
        The predictions, in the order of the batch.
    """
    images = data.get('inputs') if isinstance(data, dict) else None
    if not isinstance(images, list | tuple):  # joined by the loader
        return predict(data)
    groups: dict[tuple, list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(tuple(image.shape), []).append(index)
    if len(groups) == 1:
        return predict(data)
    predicted: dict[int, SegDataSample] = {}
    for indices in groups.values():
        part = {
            name: [values[index] for index in indices] if isinstance(values, list | tuple) else values
            for name, values in data.items()
        }
        predicted.update(zip(indices, predict(part), strict=True))
    return [predicted[index] for index in range(len(images))]
