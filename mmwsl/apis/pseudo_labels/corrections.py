"""Masks that were changed since the command wrote them, for example corrected by hand: they are not lost unasked."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from mmwsl.utils.files import atomic_write, digest_file, naming
from mmwsl.utils.text import first_five

from .manifest import ManifestError

DIGESTS = '.mmwsl_masks'
"""File in a folder of pseudo-labels with the digest of each mask as it was written."""


def record_mask(folder: Path, name: str, content: bytes) -> None:
    """Record the content of a mask before it is written, from any process.

    A line of the file is a JSON list of the name of the image and the SHA-256 of its mask. A name has several lines if
    its mask was written several times: an interrupted run may have recorded a mask and not written it.
    """
    line = json.dumps([name, hashlib.sha256(content).hexdigest()])
    path = folder / DIGESTS
    with naming(path), open(path, 'ab', buffering=0) as file:  # one system call: lines of processes do not mix
        file.write(f'\n{line}\n'.encode())  # a line break first: an interrupted run may have left a partial line


def forget_earlier(folder: Path) -> None:
    """Keep the last digest of each mask, after all masks were written anew."""
    lines = [json.dumps([name, digests[-1]]) for name, digests in _read(folder).items()]
    with atomic_write(folder / DIGESTS) as file:
        file.write(''.join(f'{line}\n' for line in lines).encode())


def check_unchanged(folder: Path, names: Collection[str] | None = None) -> None:
    """Check that masks are as they were written. Masks of older versions, which recorded none, are accepted.

    Args:
        folder: Folder of pseudo-labels.
        names: Names of the images; None is all.

    Raises:
        ManifestError: If some were changed; the message names them.
    """
    changed = []
    for name, digests in _read(folder).items():
        mask = folder / 'masks' / f'{name}.png'
        if (names is None or name in names) and mask.is_file() and digest_file(mask) not in digests:
            changed.append(f'{name}.png')
    if changed:
        raise ManifestError(
            f'{folder / "masks"}: {len(changed)} masks would be replaced that were changed since they were written: '
            f'{first_five(sorted(changed))}. Copy them to another folder, and pass --overwrite.'
        )


def _read(folder: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    path = folder / DIGESTS
    for line in path.read_text(encoding='utf-8', errors='replace').splitlines() if path.is_file() else ():
        try:
            name, digest = json.loads(line)
            found[str(name)].append(str(digest))
        except (ValueError, TypeError):  # a partial line of an interrupted run
            continue
    return dict(found)
