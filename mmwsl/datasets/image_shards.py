"""Images with image-level labels in tar shards that are read as streams, such as those in object storage."""

import random
import tarfile
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from mmcv.transforms import Compose
from mmengine import fileio
from mmengine.dist import get_rank, get_world_size
from torch.utils.data import IterableDataset, get_worker_info

from mmwsl.registry import DATASETS
from mmwsl.utils.text import check_integer

from .classes import BACKGROUND, voc_colormap
from .seeded import random_numbers
from .vocabulary import check_classes, nearest_names

IMAGES = ('jpg', 'jpeg', 'png', 'webp', 'bmp', 'tif', 'tiff')
LABELS = 'txt'


@DATASETS.register_module()
class ImageShards(IterableDataset):
    """Images with image-level labels in tar shards in the layout of webdataset, each read from its begin to its end.

    A shard has the image ``NAME.jpg`` (or another suffix of images) and next to it ``NAME.txt`` with its labels: names
    of classes, separated by ``separator``; an empty file for an image without any. Shards are read by mmengine's file
    backends: one in object storage is downloaded to a temporary file, which is deleted after it. Needs webdataset, the
    extra ``shards``.

    Rank ``r`` of ``R`` and its worker ``w`` of ``W`` read the shards ``r W + w``, ``r W + w + R W`` and so on. Their
    order and a buffer of ``shuffle`` images are drawn anew in each pass, from the seed, the pass, the rank and the
    worker. Where the parts are unequal, a worker repeats images or leaves some out, so that all have ``length / (R W)``
    in a pass.

    Use it for training by iterations, with ``sampler=None`` and ``drop_last=True`` in the dataloader. Shards on a file
    system are better read at random, by ``backend_args=dict(backend='tar')`` of the other datasets: here, the images
    that are drawn depend on the number of processes, and a training that is resumed begins a new pass.

    Args:
        shards: URLs or paths of the shards; one with braces stands for several, as ``'s3://images/{000..127}.tar'``.
        length: Number of images in all shards.
        metainfo: ``classes``, names of the classes, background first, and ``palette``.
        pipeline: Transforms, of which the first is :class:`mmwsl.datasets.transforms.LoadImageAsBGR`.
        separator: Text between two labels.
        shuffle: Number of images in the buffer; 0 keeps the order within a shard.
        seed: Seed of the order.
        backend_args: File backend of the shards; None infers it from the URLs.

    Raises:
        ImportError: If webdataset is not installed.
        ValueError: If an argument is wrong; while images are read, if a process has no shard, an image has no labels,
            or a label is unknown.
    """

    def __init__(
        self,
        shards: str | Sequence[str],
        length: int,
        metainfo: dict,
        pipeline: Sequence[dict],
        separator: str = ';',
        shuffle: int = 1000,
        seed: int = 0,
        backend_args: dict | None = None,
    ) -> None:
        try:
            from webdataset.shardlists import expand_urls
        except ImportError as error:
            raise ImportError("ImageShards needs webdataset: pip install 'mmwsl[shards]'.") from error
        check_integer('length', length, 1)
        check_integer('shuffle', shuffle, 0)
        given = [shards] if isinstance(shards, str) else shards
        self.shards = [name for one in given for name in expand_urls(one)]
        if not self.shards:
            raise ValueError('`shards` must name at least one tar file, got none.')
        classes = check_classes(metainfo.get('classes'))
        self.metainfo = dict(classes=tuple(classes), palette=metainfo.get('palette') or voc_colormap(len(classes)))
        self.length, self.separator, self.shuffle, self.seed = length, separator, shuffle, seed
        self.pipeline, self.backend_args = Compose(pipeline), backend_args
        self._ids = {name: index for index, name in enumerate(classes) if name != BACKGROUND}
        self._passes = 0

    def __len__(self) -> int:
        """Return the number of images of this process in a pass."""
        return self.length // get_world_size()

    def __iter__(self) -> Iterator[dict]:
        """Yield the samples of this worker, in one pass."""
        info = get_worker_info()
        worker, workers, base = (info.id, info.num_workers, info.seed - info.id) if info else (0, 1, 0)
        place, parts = get_rank() * workers + worker, get_world_size() * workers
        if not (own := self.shards[place::parts]):
            raise ValueError(
                f'`shards` must be at least one for each of the {parts} processes that load images, got '
                f'{len(self.shards)}. Write more shards, or set a smaller `num_workers`.'
            )
        # Workers that do not persist count no passes, but get another base seed in each.
        rng = random.Random(int(np.random.SeedSequence((self.seed, self._passes, place, base)).generate_state(1)[0]))
        self._passes += 1
        images = len(self) // workers + (worker < len(self) % workers)
        return islice(self._endless(own, rng), images)

    def _endless(self, shards: list[str], rng: random.Random) -> Iterator[dict]:
        """Yield the images of some shards, again and again."""
        from webdataset import shuffle

        mix = shuffle(self.shuffle, initial=min(self.shuffle, 100), rng=rng) if self.shuffle else iter
        while True:
            found = False
            for sample in mix(self._read(shards, rng)):  # empties its buffer at the end: each image once
                if (prepared := self._prepare(sample, rng)) is not None:
                    found = True
                    yield prepared
            if not found:
                raise ValueError(f'`shards` must contain images that can be read, got none in {shards}.')

    def _read(self, shards: list[str], rng: random.Random) -> Iterator[dict]:
        """Yield the samples of some shards, once: their files by suffix."""
        from webdataset.tariterators import group_by_keys, tar_file_iterator

        for shard in rng.sample(shards, len(shards)):
            with fileio.get_local_path(shard, backend_args=self.backend_args) as path, open(path, 'rb') as file:
                try:
                    yield from group_by_keys(dict(one, __url__=shard) for one in tar_file_iterator(file))
                except tarfile.TarError as error:
                    raise ValueError(f'`shards` must be whole tar files, got {shard!r} ({error}).') from error

    def _prepare(self, sample: dict, rng: random.Random) -> dict | None:
        """Run the pipeline on an image; None if it skips the image."""
        name = f'{sample["__url__"]}/{sample["__key__"]}'
        suffix = next((suffix for suffix in IMAGES if suffix in sample), None)
        if suffix is None or LABELS not in sample:
            raise ValueError(
                f'{name} must have an image and its labels in `{LABELS}`, got the files '
                f'{sorted(key for key in sample if not key.startswith("__"))}. Write both next to each other.'
            )
        names = [label.strip() for label in sample[LABELS].decode().split(self.separator)]
        labels = [label for label in names if label]
        if unknown := [label for label in labels if label not in self._ids]:
            raise ValueError(f'{name} has the unknown label {unknown[0]!r}. {nearest_names(unknown[0], self._ids)}')
        ids = sorted({self._ids[label] for label in labels})
        with random_numbers(rng.getrandbits(32)):
            return self.pipeline(
                dict(
                    img_path=f'{name}.{suffix}',
                    img_bytes=sample[suffix],
                    img_label=ids,
                    num_classes=len(self.metainfo['classes']),
                )
            )
