"""Folder of predicted masks: what it holds, and how it was made."""

import filecmp
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor

from mmwsl.annotations import write_mask
from mmwsl.annotations.score_file import check_scores
from mmwsl.apis.image_inputs import ImageInput
from mmwsl.apis.mask_conversion import convert_masks
from mmwsl.apis.pseudo_labels.store import write_scores
from mmwsl.apis.supervision import MANIFEST, read_manifest
from mmwsl.utils.files import is_inside, parse_json, write_json
from mmwsl.utils.images import stem, unique_stem
from mmwsl.utils.json_shape import check_shape
from mmwsl.utils.output_folder import OutputFolder
from mmwsl.utils.text import first_five, shorten

JOURNAL = 'predictions.jsonl'
LOG = 'predict.log'


def prediction_output(root: str | Path, overwrite: bool = False) -> OutputFolder:
    """Return the output folder of a prediction, which has a log before anything else."""
    return OutputFolder(root, 'mmwsl predict', '--out', overwrite, [LOG])


ENTRY = {'name': str, 'mask': str, 'source': dict}
"""Shape of a line of the journal."""


class PredictionFolder:
    """Folder of predictions of one network, which an interrupted command completes.

    - ``masks/NAME.png``: class indices with a palette; ``scores/NAME.npz``: scores, as of pseudo-labels.
    - ``FORMAT/``: the masks in another format.
    - ``manifest.json``: the network and the classes.
    - ``predictions.jsonl``: a line per predicted image: ``name``, ``mask``, ``image_probs``, and the ``source`` with
      its size and time, so that an image that was replaced since is predicted again.

    As a context manager it appends to ``predictions.jsonl``.

    Args:
        root: The folder.
        digest: Identity of the network and its config.
        inputs: Files and folders that the command reads.
        format: Format of the masks, for :meth:`convert`.
        overwrite: Whether predictions of another network are replaced, and a folder with other files is accepted.

    Raises:
        OutputError: If the folder holds files of another command, or is not apart from the inputs.
        ValueError: If the folder holds masks of another network, or does not say of which.
    """

    def __init__(
        self, root: Path, digest: str, inputs: Iterable[str | Path] = (), format: str = 'png', overwrite: bool = False
    ) -> None:
        self.root, self.digest = root, digest
        self._output = prediction_output(root, overwrite)
        self._output.check(inputs, reuse=True, names=[f'{format}/'])
        self.manifest: dict[str, Any] = {} if overwrite else read_manifest(root) or {}
        if self.manifest and self.manifest.get('digest') != digest:
            made_by = [str(self.manifest[key]) for key in ('config', 'checkpoint') if key in self.manifest]
            raise ValueError(
                f'--out must be a new folder or one with predictions of the same network and config, got {str(root)!r} '
                f'with files of {" and ".join(made_by) or "another command"}. Pass another --out, or --overwrite.'
            )
        self.entries = {} if overwrite else read_predictions(root)
        if self.entries and not self.manifest:
            raise ValueError(
                f'--out {str(root)!r} must have the {MANIFEST} of its {len(self.entries)} masks, which says how they '
                'were made, got none. Restore it, pass another --out, or --overwrite.'
            )
        self._journal = root / JOURNAL

    def missing(self, images: Iterable[ImageInput], scores: bool, named: bool = False) -> list[ImageInput]:
        """Return the images that are not predicted yet, or whose files changed since.

        Args:
            images: The images, from files.
            scores: Whether scores are needed too.
            named: Whether the caller has named the images: the image of a name may come from another file then.

        Raises:
            ValueError: If the mask of a name is that of another image which still exists, or a file of scores is of
                another image, or holds something else.
        """
        found = []
        for image in images:
            entry = self.entries.get(image.name)
            if entry is not None and not named and _of_another(entry['source'], image):
                raise ValueError(
                    f'--out {str(self.root)!r} has the mask of {entry["source"]["path"]}, which would be that of '
                    f'{image.source} too. Pass another --out, or predict both folders at once.'
                )
            if entry is None or entry['source'] != identify(image) or (scores and not self._scores(entry).is_file()):
                found.append(image)
            elif scores:
                check_scores(self._scores(entry))
        return found

    def begin(self, images: Sequence[ImageInput], **manifest: Any) -> None:
        """Record the network, remove the masks of images that changed, and choose the mask files of new images.

        A mask file is named after its image without suffix, or with it where two images would share a file.
        """
        self.manifest |= dict(manifest, digest=self.digest)
        self._sources = {image.name: identify(image) for image in images}
        changed = [name for name, source in self._sources.items() if self.entries.get(name, {}).get('source') != source]
        outdated = [self.entries.pop(name) for name in changed if name in self.entries]
        new = [image.name for image in images if image.name not in self.entries]
        stems = Counter(stem(name) for name in [*new, *self.entries])
        self._masks = {name: entry['mask'] for name, entry in self.entries.items()}
        self._masks |= {name: f'masks/{unique_stem(name, stems)}.png' for name in new}
        files = [*self._masks.values(), *(str(_scores_name(mask)) for mask in self._masks.values())]
        self._output.begin([MANIFEST, JOURNAL, LOG, *files], keep=not self._output.overwrite)
        write_json(self.root / MANIFEST, self.manifest)
        for entry in outdated:
            (self.root / entry['mask']).unlink()
            self._scores(entry).unlink(missing_ok=True)

    def __enter__(self) -> 'PredictionFolder':
        lines = ''.join(f'{json.dumps(entry)}\n' for entry in self.entries.values())
        self._journal.write_text(lines)  # without the partial line of an interrupted run
        self._file = open(self._journal, 'a')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, mask: np.ndarray, image_probs: dict[str, float] | None, scores: Tensor | None) -> None:
        """Write the mask and the scores of an image."""
        entry = dict(name=name, mask=self._masks[name], source=self._sources[name], image_probs=image_probs)
        if scores is not None:
            path = self._scores(entry)
            write_scores(path, scores, name=str(path.relative_to(self.root / 'scores').with_suffix('')))
        write_mask(self.root / self._masks[name], mask, self.manifest['palette'])
        self.entries[name] = entry
        self._file.write(f'{json.dumps(entry)}\n')
        self._file.flush()

    def convert(self, format: str) -> Path:
        """Write all masks of the folder in another format, and return the file or folder to open."""
        masks = (
            (name, self.root / entry['mask'], entry['source']['path']) for name, entry in sorted(self.entries.items())
        )
        return convert_masks(self._output, format, self.manifest['classes'], self.manifest['palette'], masks)

    def _scores(self, entry: dict[str, Any]) -> Path:
        return self.root / _scores_name(entry['mask'])


def _scores_name(mask: str) -> Path:
    """Return the file of the scores of a mask ``masks/NAME.png``, relative to the folder."""
    return Path('scores', Path(mask).relative_to('masks').with_suffix('.npz'))


def read_predictions(root: Path) -> dict[str, dict[str, Any]]:
    """Read the entries of a folder of predictions whose masks exist, by name of the image. Warn of damaged lines."""
    entries, journal, damaged = {}, root / JOURNAL, []
    text = journal.read_text(errors='replace') if journal.is_file() else ''
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        try:
            entry = parse_json(line, journal)
            check_shape(entry, ENTRY, journal, '')
            name, mask = entry['name'], entry['mask']
        except ValueError:
            if line.endswith('\n'):  # otherwise the last line of an interrupted run
                damaged.append(number)
            continue
        if not mask.startswith('masks/') or not is_inside(mask):  # masks of changed images are deleted
            raise ValueError(f'{journal}: `mask` must be a path in masks/, got {shorten(mask)}. Pass another --out.')
        entries[name] = entry
    if damaged:
        warnings.warn(
            f'{journal}: lines {first_five(damaged)} are damaged, and their predictions are not used. The command that '
            'made the folder makes them again.',
            stacklevel=2,
        )
    return {name: entry for name, entry in entries.items() if (root / entry['mask']).is_file()}


def _of_another(source: dict[str, Any], image: ImageInput) -> bool:
    """Tell whether a mask is that of another image, which still exists: not of a copy, nor of a file that moved."""
    path, new = str(source.get('path')), str(image.source)
    if path == new or '://' in path:
        return path.partition('?')[0] != new.partition('?')[0]  # the query may be a signature
    return _identify(path) == source and not (os.path.isfile(new) and filecmp.cmp(path, new, shallow=False))


def identify(image: ImageInput) -> dict[str, Any]:
    """Return the path of an image, and the size and time of a local file."""
    return _identify(str(image.source))


def _identify(path: str) -> dict[str, Any]:
    status = os.stat(path) if os.path.isfile(path) else None
    return dict(path=path) | ({} if status is None else dict(size=status.st_size, mtime_ns=status.st_mtime_ns))
