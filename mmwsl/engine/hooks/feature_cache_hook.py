"""Hook that disables feature caches where augmentation does not repeat images."""

import hashlib

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ...datasets import random_numbers
from ...models import CachedBackbone
from ...registry import HOOKS


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Hook that disables every :class:`mmwsl.models.CachedBackbone` whose entries would not be read again.

    Before training it draws some images several times. Of six draws of an image, 5 / 6 repeat an earlier one without
    augmentation, about 2 / 3 with a random flip, and none with random crops.

    Args:
        images: Number of images, evenly spread over the dataset.
        draws: Number of draws of each image.
        min_repeats: Smallest fraction of repeated draws with which a cache is used.
    """

    def __init__(self, images: int = 4, draws: int = 6, min_repeats: float = 0.25) -> None:
        self.images, self.draws, self.min_repeats = images, draws, min_repeats

    def before_train(self, runner: Runner) -> None:
        """Draw images and disable the caches, if there are any."""
        caches = [module for module in runner.model.modules() if isinstance(module, CachedBackbone)]
        if not caches:
            return
        dataset, repeated, sizes = runner.train_dataloader.dataset, 0, set()
        indices = np.linspace(0, len(dataset) - 1, min(self.images, len(dataset))).astype(int)
        with random_numbers():  # the training draws what it draws without this hook
            for index in indices.tolist():
                outcomes = set()
                for _ in range(self.draws):
                    pixels = dataset[index]['inputs']
                    outcomes.add(hashlib.blake2b(pixels.contiguous().numpy().data).digest())
                    sizes.add(tuple(pixels.shape))
                repeated += self.draws - len(outcomes)
        fraction = repeated / (self.draws * len(indices))
        # Without a fixed size, images are padded to the largest of their batch, which changes with every epoch.
        padded_alike = len(sizes) == 1 or getattr(_preprocessor(runner), 'size', None) is not None
        for cache in caches:
            cache.enabled = fraction >= self.min_repeats and padded_alike
        if not caches[0].enabled:
            print_log(
                'CachedBackbone: augmentation does not repeat images, so their features are not cached.', 'current'
            )


def _preprocessor(runner: Runner) -> object:
    model = runner.model
    return getattr(getattr(model, 'module', model), 'data_preprocessor', None)
