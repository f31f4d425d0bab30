"""Manifest of a folder of pseudo-labels: how they were generated."""

import json
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mmengine
import mmseg
import torch

import mmwsl
from mmwsl.apis.supervision import MANIFEST, read_manifest
from mmwsl.utils.files import write_json

from .items import ImageItem

LISTED = 5
"""Differences that an error lists."""
DIGEST = re.compile(r'\b([0-9a-f]{8})[0-9a-f]{24,}\b')


class ManifestError(ValueError):
    """Error: a folder was generated with other options than the requested ones."""


class Manifest:
    """Record of a folder of pseudo-labels, ``manifest.json``.

    - ``options``: what determines the scores. They never change.
    - ``config``: the config file.
    - ``image_labels``: the labels of each image, if they restrict its prediction: ids of the classes present, and
      ``-id`` of unknown classes. The labels of an image with scores do not change.
    - ``image_digests``: SHA-256 of each image file; an image that changes is predicted again.
    - ``images``: list, count and digest of the names. The list may change.
    - ``masks``: the rule of the masks, and whether all are written.
    - ``provenance``: masks and labels that were used, see :func:`mmwsl.engine.hooks.collect_provenance`.
    - ``versions``: versions of the packages at the first run.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        self.content = read_manifest(folder) or {}

    def check_options(self, options: dict) -> None:
        """Check options against the manifest, or keep them for :meth:`update` if the folder has no scores and masks.

        Raises:
            ManifestError: If they differ; the message lists the differences. Also if there are scores or masks without
                a manifest.
        """
        folder = self.path.parent
        options = as_recorded(options, folder)
        if not any(path for pattern in ('scores/**/*.npz', 'masks/**/*.png') for path in folder.glob(pattern)):
            self.start(options)
        elif 'options' not in self.content:
            raise ManifestError(
                f'{folder}: manifest.json must say how the scores and masks were generated, got none. Pass another '
                '--out.'
            )
        elif differences := list_option_differences(self.content['options'], options):
            raise ManifestError(
                f'{folder} was generated with other options ({differences}). Pass another --out, the options of its '
                'manifest.json, or --overwrite to replace the labels.'
            )

    def start(self, options: dict) -> None:
        """Begin a new record, which :meth:`update` writes."""
        versions = {module.__name__: module.__version__ for module in (mmwsl, mmseg, mmengine, torch)}
        options = as_recorded(options, self.path.parent)
        self.content = dict(options=options, versions=versions | dict(python=platform.python_version()))

    def check_image_labels(self, items: Sequence[ImageItem]) -> None:
        """Check that the image-level labels of images with scores did not change, and keep all for :meth:`update`.

        Raises:
            ManifestError: If labels changed.
        """
        before = self.content.get('image_labels', {})
        labels = {item.name: [*(item.labels or ()), *(-label for label in item.unknown)] for item in items}
        finished = [item.name for item in items if item.scores.is_file()]
        if changed := [name for name in finished if name in before and before[name] != labels[name]]:
            name = changed[0]
            raise ManifestError(
                f'{self.path.parent}: the image-level labels of {len(changed)} images changed since their scores were '
                f'written, e.g. {name!r}: {before[name]} before, {labels[name]} now (class ids, negative means '
                'unknown). Delete their files in scores/ and masks/, or pass another --out.'
            )
        self.content['image_labels'] = {**before, **labels}

    def changed_images(self, digests: Mapping[str, str]) -> set[str]:
        """Return the names of images that changed since their scores were written; keep all digests for :meth:`update`.

        Args:
            digests: Digest of each image file by name; '' is unknown.
        """
        before = self.content.get('image_digests', {})
        known = {name: digest for name, digest in digests.items() if digest}
        self.content['image_digests'] = before | known
        return {name for name, digest in known.items() if before.get(name, digest) != digest}

    def check_rule(self, rule: dict) -> None:
        """Check that the rule of the masks, if there are any, is the requested one.

        Raises:
            ManifestError: If it is not.
        """
        masks = self.content.get('masks')
        if masks and (differences := list_differences(masks['rule'], as_recorded(rule, self.path.parent))):
            raise ManifestError(
                f'the masks of {self.path.parent} were generated with other thresholds ({differences}). Pass '
                '--rethreshold to replace them.'
            )

    def update(self, **content: object) -> None:
        """Replace parts of the record, and write it."""
        self.content.update(as_json(content))
        write_json(self.path, self.content)


def as_json(value: object) -> Any:
    """Return a value as JSON stores it."""
    return json.loads(json.dumps(value, default=str))


def as_recorded(options: dict, folder: Path) -> dict:
    """Return options as the manifest of a folder stores them."""
    recorded: dict = relative_paths(as_json(options), folder.absolute().parent)
    return recorded


def relative_paths(value: Any, root: Path) -> Any:
    """Write the paths below ``root`` as ``../path``: a folder may move together with the files beside it."""
    if isinstance(value, dict):
        return {key: relative_paths(entry, root) for key, entry in value.items()}
    if isinstance(value, list):
        return [relative_paths(entry, root) for entry in value]
    inside = isinstance(value, str) and value.startswith(f'{root}/')
    return f'..{value[len(str(root)) :]}' if inside else value


def list_differences(before: object, now: object) -> str:
    """List the first differences of two nested values by their dotted keys; '' if they are equal."""
    found = [f'{key}: {_short(one)} before, {_short(other)} now' for key, one, other in _differences(before, now)]
    more = [f'{len(found) - LISTED} more'] if len(found) > LISTED else []
    return '; '.join(found[:LISTED] + more)


def list_option_differences(before: object, now: object) -> str:
    """List the first differences of two options of a manifest, without those of losses, which change no score."""
    return list_differences(_without_losses(before), _without_losses(now))


def _without_losses(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_losses(entry) for key, entry in value.items() if key != 'loss_decode'}
    return value


def _short(text: str) -> str:
    """Shorten the digests in a text."""
    return DIGEST.sub(r'\1...', text)


def _differences(before: object, now: object, key: str = '') -> list[tuple[str, str, str]]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(now.keys() - before.keys())]
        parts = [(name, before.get(name), now.get(name)) for name in keys]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        parts = [(str(i), one, other) for i, (one, other) in enumerate(zip(before, now, strict=True))]
    else:
        return [] if before == now else [(key, json.dumps(before), json.dumps(now))]
    return [found for name, one, other in parts for found in _differences(one, other, f'{key}.{name}'.lstrip('.'))]
