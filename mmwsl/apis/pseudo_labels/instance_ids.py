"""Instances of pseudo-labels by the displacement field of an affinity network."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from mmengine.config import ConfigDict
from torch.nn import functional as F

from mmwsl.apis.registered import is_subclass
from mmwsl.functional import displacement_groups, label_instances
from mmwsl.inference import AffinityNetwork, LearnedAffinityWalk
from mmwsl.inference.affinity_network import load_affinity_network
from mmwsl.registry import POSTPROCESSORS
from mmwsl.utils.nested import dicts_in

Splitter = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Function of a mask ``(H, W)`` and its image in BGR that returns the instance of each pixel, 0 is none."""


def instance_splitter(model: ConfigDict) -> Splitter | None:
    """Return the function that splits masks into instances, if a model walks by a network that predicts displacements.

    Args:
        model: Config of the model; its files must exist.

    Returns:
        The function; None without such a network: connected components are the instances then.
    """
    for part in dicts_in(model.get('inference')):
        if is_subclass(part, POSTPROCESSORS, LearnedAffinityWalk):
            network = load_affinity_network(part['config'], part['checkpoint'])
            if getattr(network.head, 'predicts_displacements', False):
                return partial(split_instances, network, part.get('image_size'))
    return None


def split_instances(network: AffinityNetwork, size: int | None, mask: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Split a mask into 4-connected pieces of one class whose displacements lead to one center (IRN, CVPR 2019).

    Args:
        network: Network with displacements.
        size: Longer side of the image for the network; None is its own size.
        mask: Class indices, 255 is ignored, ``(H, W)``.
        image: The image in BGR, ``(H, W, 3)``.

    Returns:
        The instance of each pixel, 0 is none, ``(H, W)`` int64.
    """
    device = next(network.parameters()).device
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).to(device)
    groups = displacement_groups(network(pixels, size)[0, 1:])
    resized = F.interpolate(groups[None, None].double(), mask.shape, mode='nearest-exact')[0, 0].long()
    instances, _ = label_instances(torch.from_numpy(mask).to(device).long(), resized)
    return instances.cpu().numpy()
