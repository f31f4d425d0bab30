"""What a folder of pseudo-labels was made with."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path

import mmengine
import mmseg
import torch

import mmwsl
from mmwsl.utils.files import atomic_write

from .images import ImageItem


class ManifestError(ValueError):
    """A folder was made with other options than those asked for."""


class Manifest:
    """The record of a folder, ``manifest.json``.

    - ``options``: what determines the scores. They never change.
    - ``config``: the file that they came from.
    - ``tags``: of each image, where prediction believes them: ids present, and ``-id`` of unknown ones. Those of a
      image that has scores do not change.
    - ``images``: list, count and digest of the names. A list may grow or lose a broken image.
    - ``masks``: what determines the masks, and whether all were written.
    - ``provenance``: which masks or tags took part, see :func:`mmwsl.engine.hooks.collect_provenance`.
    - ``versions``: of the process that began.

    Args:
        folder: The folder of pseudo-labels.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / 'manifest.json'
        self.content = json.loads(self.path.read_text()) if self.path.is_file() else {}

    def agree(self, options: dict) -> None:
        """Begin with options, or check that they are those of the folder.

        A folder without scores and masks, such as a run leaves that failed at once, begins anew.

        Raises:
            ManifestError: If they differ; the message lists where. If the files are not of a folder that was begun:
                they are not ours to replace.
        """
        folder = self.path.parent
        options = plain(options)
        if not any(path for pattern in ('scores/**/*.npz', 'masks/**/*.png') for path in folder.glob(pattern)):
            self.content = {}
            versions = dict(
                mmwsl=mmwsl.__version__,
                mmseg=mmseg.__version__,
                mmengine=mmengine.__version__,
                torch=torch.__version__,
                python=platform.python_version(),
            )
            self.update(options=options, versions=versions)
        elif not self.content:
            raise ManifestError(
                f'{folder} has scores or masks, but no manifest.json that says how they were made. Give another --out.'
            )
        elif differences := list_differences(self.content['options'], options):
            lines = '\n'.join(f'  {key}: {there} there, {asked} asked for' for key, there, asked in differences)
            raise ManifestError(
                f'{folder} was made with other options:\n{lines}\nGive another --out, or the '
                'options of its manifest.json.'
            )

    def agree_on_tags(self, images: Sequence[ImageItem]) -> None:
        """Note the tags of images, or check that those with scores still have the same.

        Raises:
            ManifestError: If one has others.
        """
        before = self.content.get('tags', {})
        tags = {image.name: [*(image.labels or ()), *(-label for label in image.unknown)] for image in images}
        labeled = [image.name for image in images if image.scores.is_file()]
        if changed := [name for name in labeled if name in before and before[name] != tags[name]]:
            name = changed[0]
            raise ManifestError(
                f'{len(changed)} images have other tags now than when they were labeled in {self.path.parent}: '
                f'{name!r} had {before[name]} and has {tags[name]} (ids; negative: unknown). Delete their files in '
                'scores/ and masks/, or give another --out.'
            )
        if before != (tags := {**before, **tags}):
            self.update(tags=tags)

    def update(self, **content) -> None:
        """Write parts of the record anew."""
        self.content.update(plain(content))
        with atomic_write(self.path) as file:
            file.write(json.dumps(self.content, indent=1).encode())


def plain(value: object) -> object:
    """Return a value as JSON keeps it."""
    return json.loads(json.dumps(value, default=str))


def list_differences(there: object, asked: object, key: str = '') -> list[tuple[str, str, str]]:
    """List where two nested values differ: dotted key, the one value, the other."""
    if isinstance(there, dict) and isinstance(asked, dict):
        pairs = [(name, there.get(name), asked.get(name)) for name in [*there, *(asked.keys() - there.keys())]]
    elif isinstance(there, list) and isinstance(asked, list) and len(there) == len(asked):
        pairs = [(str(i), *values) for i, values in enumerate(zip(there, asked, strict=True))]
    else:
        return [] if there == asked else [(key, json.dumps(there), json.dumps(asked))]
    return [found for name, *values in pairs for found in list_differences(*values, f'{key}.{name}'.lstrip('.'))]
