"""Post-processing of stored scores, without the model."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmwsl.datasets.transforms import ComputeObjectness
from mmwsl.functional import DEQUANTIZED
from mmwsl.inference import InferenceStep
from mmwsl.inference.postprocessors import apply_postprocessors, build_postprocessors
from mmwsl.utils.images import read_bgr

COMPUTED = dict(objectness=ComputeObjectness(kind='mask'))
"""Transforms that compute a field from the image, where a post-processor needs it."""


def check_refinement(postprocessors: Sequence[dict]) -> None:
    """Check that post-processors can be applied to stored scores.

    Raises:
        TypeError: If an entry is not a config of a post-processor.
        ValueError: If a post-processor needs more than the image.
    """
    for step in build_postprocessors(postprocessors):
        if others := sorted(needed_fields(step) - {'image', *COMPUTED}):
            raise ValueError(
                f'post-processors of stored scores must need the image and its objectness only, got '
                f'{type(step).__name__}, which needs {others}. Put it into `model.inference.postprocessors` of the '
                'config.'
            )


def needed_fields(step: InferenceStep) -> set[str]:
    """Return the fields of the data sample that a post-processor and those nested in it need."""
    return set(step.required_fields).union(*(needed_fields(nested) for nested in step.nested))


def refine_scores(codes: np.ndarray, postprocessors: Sequence[dict], img_path: str) -> np.ndarray:
    """Apply post-processors to the stored scores of an image.

    Args:
        codes: Quantized scores ``(K, H, W)``, see :func:`mmwsl.functional.quantize_scores`. A class without scores is
            absent, and remains 0.
        postprocessors: Configs of the post-processors.
        img_path: The image.

    Returns:
        Scores ``(K, H, W)`` float32.
    """
    image = read_bgr(img_path)
    if image.shape[:2] != codes.shape[1:]:
        raise ValueError(
            f'image {img_path!r} must have the size {codes.shape[1:]} of its scores, got {image.shape[:2]}. It was '
            'replaced: delete its file in scores/.'
        )
    sample = SegDataSample(image=PixelData(data=torch.from_numpy(image).permute(2, 0, 1)))
    probs = torch.from_numpy(DEQUANTIZED.astype(np.float32)[codes])
    steps = build_postprocessors(postprocessors)
    for field in COMPUTED.keys() & set().union(*map(needed_fields, steps)):
        values = COMPUTED[field](dict(img=image, img_path=img_path))[field]
        sample.set_data({field: PixelData(data=torch.from_numpy(values)[None])})
    refined = apply_postprocessors(steps, [probs], [sample])[0].numpy()
    refined[1:][~codes[1:].any((1, 2))] = 0
    return refined
